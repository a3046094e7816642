/*
 * Hashes that others have made: each row is the output of the command above it.
 */
#ifndef TESTS_SYSTEM_VECTORS_H
#define TESTS_SYSTEM_VECTORS_H

struct vector {
	const char *password; /* as it stands in JSON */
	const char *hash;
};

static const struct vector vectors[] = {
    /* argon2 20171227: for t in d i id; do for v in 10 13; do printf 'correct horse' |
     * argon2 somesalt+$t -$t -v $v -m 10 -t 2 -p 3 -l 24 -e; done; done */
    {"correct horse",
        "$argon2d$v=16$m=1024,t=2,p=3$c29tZXNhbHQrZA$0UsC7YnDSxHM4QDGaBTD5njMDnbv3lsL"},
    {"correct horse",
        "$argon2d$v=19$m=1024,t=2,p=3$c29tZXNhbHQrZA$DYBeMUKyKiBdABQP2Z3dezIttKT3vZFJ"},
    {"correct horse",
        "$argon2i$v=16$m=1024,t=2,p=3$c29tZXNhbHQraQ$2d1caM9hFClIJkYPaZRUSQiSOfVxrR2Z"},
    {"correct horse",
        "$argon2i$v=19$m=1024,t=2,p=3$c29tZXNhbHQraQ$LiejYhWZhW0DwcMvasxV1LXWZ7ZlaWD8"},
    {"correct horse", "$argon2id$v=16$m=1024,t=2,p=3$c29tZXNhbHQraWQ$"
                      "0YswzE/SVBECtunCI4aQwqZLvaPhiZuU"},
    {"correct horse", "$argon2id$v=19$m=1024,t=2,p=3$c29tZXNhbHQraWQ$"
                      "eHc+Tr8yj+5XUxWMIeN9lDapPflONaFI"},
    /* the first of these without $v=16, as the program wrote it before version 19 */
    {"correct horse",
        "$argon2d$m=1024,t=2,p=3$c29tZXNhbHQrZA$0UsC7YnDSxHM4QDGaBTD5njMDnbv3lsL"},
    /* Python, argon2-cffi 25.1: for t in Type.ID, Type.I, Type.D: PasswordHasher(
     * time_cost=3, memory_cost=1024, parallelism=4, type=t).hash("correct horse") */
    {"correct horse", "$argon2id$v=19$m=1024,t=3,p=4$fLZCqBd2U6LXGlss/1MVcw$"
                      "8qQunYTBoz40hRP8ZiaprfyO9rIhs6UTIcvzh9DZRnk"},
    {"correct horse", "$argon2i$v=19$m=1024,t=3,p=4$1fSCAah5XCaHrwQoBUq7AQ$"
                      "bUvcdIP4B7jV7QQpgJ4HTn/uogVWcy7pIx6KYNchQfw"},
    {"correct horse", "$argon2d$v=19$m=1024,t=3,p=4$p5HfCxkLuMDrHTu1NDkuCQ$"
                      "+re9aiLNQ5wBRyMQ9lzhQSKGOBk4GcbvbJuBnQy16Q0"},
    /* PasswordHasher(time_cost=1, memory_cost=64,
     * parallelism=8).hash("\u65e5\u672c\u8a9e\x00x") */
    {"\\u65e5\\u672c\\u8a9e\\u0000x",
        "$argon2id$v=19$m=64,t=1,p=8$PpECVDGtkazR/NeLoBzE+Q$"
        "ftTDoBm/ctY/KK/sU0lAGrM6K402+HU9nRB/9a/JpLs"},
    /* Python, passlib 1.7: argon2.using(type="ID", rounds=2, memory_cost=512,
     * parallelism=2).hash("correct horse") */
    {"correct horse", "$argon2id$v=19$m=512,t=2,p=2$rtV6z9kbIwQAwPhfqzVmzA$"
                      "UanyMWxvoYAbB/TSqdZ3a8VfOZUSFX/5q9Ad2Np64UI"},
    /* libsodium, by PyNaCl 1.6: nacl.pwhash.argon2id.str(b"correct horse", opslimit=1,
     * memlimit=1048576), argon2i.str(b"correct horse", opslimit=3, memlimit=1048576) */
    {"correct horse", "$argon2id$v=19$m=1024,t=1,p=1$cq1eUeG/LLiKKbXA7yJO0g$"
                      "nvl8EvR4hQ8qTMV+D3rekGJhC+qadVJY5qXohUoLF/I"},
    {"correct horse", "$argon2i$v=19$m=1024,t=3,p=1$BnlpYrOOycdCsjtB0rq/ow$"
                      "CFy05YdC8BppL/ePlFssJ9kp7DqRiqbOZUvkSrlYQwI"},
    /* PHP 8.2: password_hash("correct horse", PASSWORD_ARGON2ID, ["memory_cost" =>
     * 1024, "time_cost" => 2, "threads" => 1]), and with PASSWORD_ARGON2I */
    {"correct horse", "$argon2id$v=19$m=1024,t=2,p=1$TkZBcnltbFJxazNDL2NGcw$"
                      "tvHDwidg8qhiRWtRZHeUHNWJSn5mNORsdlnJ+I9jr5k"},
    {"correct horse", "$argon2i$v=19$m=1024,t=2,p=1$ZmpCcTZabWN0T3NuV3loZQ$"
                      "Q+XOy3Sn5o8okvjV7h88f7ErF61r2pwwl06z2T19ai0"},
    /* Node 20, argon2 0.45: hash("correct horse", {memoryCost: 1024, timeCost: 2,
     * parallelism: 2}); its p stands before its t */
    {"correct horse", "$argon2id$v=19$m=1024,p=2,t=2$2g4At+ciDlV0mjEXq7GyCw$"
                      "GN0BszqGjRss2QAH4JeGnVxf/h4VQVNDsB2tWKM+j4Q"},
    /* Go, golang.org/x/crypto/argon2 0.58: IDKey([]byte("correct horse"),
     * []byte("saltsaltsaltsalt"), 2, 1024, 4, 32), Key(the same with 3) in base64 */
    {"correct horse", "$argon2id$v=19$m=1024,t=2,p=4$c2FsdHNhbHRzYWx0c2FsdA$"
                      "ICIuZM/FdC0HEvw/EyLfABr55BZHFaFM7qYSblqXaFo"},
    {"correct horse", "$argon2i$v=19$m=1024,t=3,p=4$c2FsdHNhbHRzYWx0c2FsdA$"
                      "LPc2QE7pwYKW9tAeTAZZvpd8Y4GSnCKJhjvDLxeaIB0"},
};

/* The same, with `secret: Buffer.from("a pepper of node"), associatedData:
 * Buffer.from("data")`: argond is told the key by ",keyid=" and its name, here "node",
 * in base64. */
static const struct vector vector_with_secret = {"correct horse",
    "$argon2id$v=19$m=1024,p=2,t=2,keyid=bm9kZQ,data=ZGF0YQ$6DbnpeLuwyQ0ewnMwlsn3w$"
    "HR77qR+bRY5eMaQbtqBNARcDYTtBNamMqENgUY7KEkk"};

#endif
