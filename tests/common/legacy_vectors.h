/*
 * Hashes with their passwords, as the programs themselves have written them: before
 * each stands the command, or where it was published. Made on Debian 12 with
 * libxcrypt 4.4.33, OpenSSL 3.0, PHP 8.2, mkpasswd 5.5 and Python's bcrypt 5.0,
 * Django 5.2, passlib 1.7.4, Werkzeug 3.1; of Django the expression alone (from
 * django.contrib.auth.hashers).
 */
#ifndef TESTS_COMMON_LEGACY_VECTORS_H
#define TESTS_COMMON_LEGACY_VECTORS_H

#include <stddef.h>

#include "common/legacy.h"

struct legacy_vector {
	enum legacy_kind kind;
	const char *text, *password;
	size_t password_len;
};

#define VECTOR(kind, password, text)                                                   \
	{                                                                              \
		LEGACY_##kind, text, password, sizeof(password) - 1                    \
	}
#define NINE(what) what what what what what what what what what
#define TEN(what) NINE(what) what

/* clang-format off */
static const struct legacy_vector legacy_vectors[] = {
	/* python3 -c 'import bcrypt; print(bcrypt.hashpw(b"hunter2", bcrypt.gensalt(4)).decode())' */
	VECTOR(BCRYPT, "hunter2",
		"$2b$04$JoDanvapU5.EyKjj6CtniOH6RtPNxVkjFmsNOphE8HSqVSXpl1lBW"),
	/* python3 -c 'import bcrypt; print(bcrypt.hashpw(b"hunter2", bcrypt.gensalt(5,
	 * b"2a")).decode())' */
	VECTOR(BCRYPT, "hunter2",
		"$2a$05$.Q5HZDwoHYKH8zmKnRWPbOy1O7njN7cL/Y3vn5VBceqaY96Ab4Qpm"),
	/* php -r 'echo password_hash("hunter2", PASSWORD_BCRYPT, ["cost" => 4]);' */
	VECTOR(BCRYPT, "hunter2",
		"$2y$04$4Eyyy8eF0zgZWmmUqJjSd.J/kU5zoQN9wUOhShDJCov7ImZv/iVNe"),
	/* php -r 'echo password_hash("pässwörd €", PASSWORD_BCRYPT, ["cost" => 5]);' */
	VECTOR(BCRYPT, "p\xc3\xa4ssw\xc3\xb6rd \xe2\x82\xac",
		"$2y$05$9Dwbrr3UCopt3ZPom4tjQOj/rMFNFkoEKCZR.gH2hw2jqk.DK8Eby"),
	/* php -r 'echo password_hash("", PASSWORD_BCRYPT, ["cost" => 4]);' */
	VECTOR(BCRYPT, "",
		"$2y$04$WE0di9qogB7XaAeAfJuQ.e4WpJaCblGFLf6ktipP/3KqNygn6dtHy"),
	/* python3 -c 'import bcrypt; print(bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode())' */
	VECTOR(BCRYPT, NINE("xxxxxxxx"),
		"$2b$04$M5PC3bUnlC7KJD2rIYPvUOdl0jSN4PFVIMdytXJ9neSwN0kTNxeJC"),
	/* crypt_blowfish 1.3, wrapper.c */
	VECTOR(BCRYPT, "U*U",
		"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
	/* crypt_blowfish 1.3, wrapper.c */
	VECTOR(BCRYPT, "U*U*U",
		"$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
	/* mkpasswd -m yescrypt -R 1 hunter2 */
	VECTOR(YESCRYPT, "hunter2",
		"$y$j75$Zr.v6Cf9T6FyEj73WvJO6.$RYo.kGCVmehVjBc3UrBP6js3TgFHUAg.4D"
		"IIp.k7hx4"),
	/* mkpasswd -m yescrypt 'pässwörd €' */
	VECTOR(YESCRYPT, "p\xc3\xa4ssw\xc3\xb6rd \xe2\x82\xac",
		"$y$j9T$UUTzTsO0/xDX0avpMRQe7/$JGwhihlLM3/cz0jzCl5OaA0u59Xf.iXdQf"
		"roXo0s7U4"),
	/* yescrypt 1.1, TESTS-OK: p = 11 */
	VECTOR(YESCRYPT, "pleaseletmein",
		"$y$jD5.7$LdJMENpBABJJ3hIHjB1Bi.$HboGM6qPrsK.StKYGt6KErmUYtioHreJ"
		"d98oIugoNB6"),
	/* mkpasswd -m gost-yescrypt -R 2 hunter2 */
	VECTOR(GOST_YESCRYPT, "hunter2",
		"$gy$j85$uw8VrgraT7SvhY49R4crs0$1BMsoBM0sader.NUqWPtsGyT88/LCYY1V"
		"KoezoTMoW8"),
	/* mkpasswd -m scrypt -R 6 hunter2 */
	VECTOR(SCRYPT, "hunter2",
		"$7$BU..../....bXW/7tBFxpjha3kZucKQ1.$5HIiMNN0U.M5CGhmD73gh4fXlmv"
		"xuFBhIYS/znjKKg5"),
	/* perl -e 'print crypt("hunter2", q($7$42..../....seasalt$))' */
	VECTOR(SCRYPT, "hunter2",
		"$7$42..../....seasalt$jZnduLJYG9tHKkUl.own0MvRD8bIZpH8hExzKMdN4j"
		"A"),
	/* yescrypt 1.1, TESTS-OK */
	VECTOR(SCRYPT, "pleaseletmein",
		"$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKv"
		"EqHJLV8D"),
	/* mkpasswd -m sha512crypt hunter2 */
	VECTOR(SHA512CRYPT, "hunter2",
		"$6$lLpCOqA2hgGAXvRw$TciYY1TZQJ3yHdsYs.hc8VhWnHTCIg3fBA2t.5uJOh3o"
		"bdcb02Hqytzx45Gvpxqf1ZYuIoLmhUWTLkpNsAdXi."),
	/* mkpasswd -m sha512crypt -R 1000 hunter2 */
	VECTOR(SHA512CRYPT, "hunter2",
		"$6$rounds=1000$TupOgMpo/rIVXDTb$dU/Ps3dAQb2Twb5i28PVEhbJKeC8BxX2"
		"BeM3LjY7FdZ1IffAHbHvk7.9G7Tg4auVuumD7p.4acwaXergzJP2e/"),
	/* openssl passwd -6 hunter2 */
	VECTOR(SHA512CRYPT, "hunter2",
		"$6$nHARSOso5lrHwx/n$7cxjfEatIeETPFRokLB0hc/Pdln7Gcwd9CmpPnaj8/cP"
		"kzbnlvLCCoi7CZqxuHMPaCc58yKjNnav5JDdqPdkF."),
	/* python3 -c 'from passlib.hash import sha512_crypt as h;
	 * print(h.using(rounds=1500).hash("pässwörd €"))' */
	VECTOR(SHA512CRYPT, "p\xc3\xa4ssw\xc3\xb6rd \xe2\x82\xac",
		"$6$rounds=1500$YFimKROlh4VuPu6s$dHCKEb.C1UFQlVQ7K.3soezgfyJqhOdi"
		"odhZIey91ZHftpj.DZcWG1/Judkdi/sBFNM2vb1qLKx60qtA2ebK7."),
	/* U. Drepper, SHA-crypt.txt */
	VECTOR(SHA512CRYPT, "Hello world!",
		"$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjn"
		"QJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"),
	/* U. Drepper, SHA-crypt.txt */
	VECTOR(SHA512CRYPT, "Hello world!",
		"$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh"
		"0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v."),
	/* mkpasswd -m sha256crypt hunter2 */
	VECTOR(SHA256CRYPT, "hunter2",
		"$5$jvWEoD5eGH1iUKqB$T/k01A3dmAFET0Crg9rNVGQd3jtRVquYgIYRLsWiuc5"),
	/* openssl passwd -5 hunter2 */
	VECTOR(SHA256CRYPT, "hunter2",
		"$5$aFAh1iT5TzudsZBZ$0sWAHwpG.z.zw8Th/Ml6pPebq0wXSMzCJn7ZdE9.gT2"),
	/* python3 -c 'from passlib.hash import sha256_crypt as h; print(h.using(rounds=1000,
	 * salt="ab").hash("hunter2"))' */
	VECTOR(SHA256CRYPT, "hunter2",
		"$5$rounds=1000$ab$yHt1/SmJUUQlNT7HX1GvgoM3rgcgXnybFmZlCWWrRTA"),
	/* U. Drepper, SHA-crypt.txt */
	VECTOR(SHA256CRYPT, "Hello world!",
		"$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
	/* U. Drepper, SHA-crypt.txt */
	VECTOR(SHA256CRYPT, "This is just a test",
		"$5$rounds=5000$toolongsaltstrin$Un/5jzAHMgOGZ5.mWJpuVolil07guHPv"
		"OW8mGRcvxa5"),
	/* mkpasswd -m md5crypt hunter2 */
	VECTOR(MD5CRYPT, "hunter2",
		"$1$Aqd.d1dU$7bLAWF/nXXoV6/okKK5ag."),
	/* openssl passwd -1 hunter2 */
	VECTOR(MD5CRYPT, "hunter2",
		"$1$.8kefgl6$45MebK1JLWdBpZFpUZ3UC0"),
	/* php -r 'echo crypt("hunter2", "\$1\$a\$");' */
	VECTOR(MD5CRYPT, "hunter2",
		"$1$a$ppt8le8vT8CTvFVyFaR130"),
	/* make_password("hunter2", hasher="pbkdf2_sha256") */
	VECTOR(DJANGO_PBKDF2, "hunter2",
		"pbkdf2_sha256$1000000$1zAA4Ns8Z5HpPUoG2GRNfO$xKkK5Sv04EApTZm5KmS"
		"3ycmy7U58iIj7MIinOLmUB4E="),
	/* PBKDF2PasswordHasher().encode("hunter2", "a salt of words", iterations=1000) */
	VECTOR(DJANGO_PBKDF2, "hunter2",
		"pbkdf2_sha256$1000$a salt of words$3fR1wGLUp9H92u9MVWV5SUv+ceHCg"
		"/Ofyz39tbOnrQk="),
	/* PBKDF2SHA1PasswordHasher().encode("hunter2", "seasalt", iterations=2000) */
	VECTOR(DJANGO_PBKDF2, "hunter2",
		"pbkdf2_sha1$2000$seasalt$I+GIv5b1beEwEVH6hrB5JGI53cs="),
	/* PBKDF2PasswordHasher().encode("nul\0inside", "seasalt", iterations=1000) */
	VECTOR(DJANGO_PBKDF2, "nul\0inside",
		"pbkdf2_sha256$1000$seasalt$7iYhn3H8urK3IjEiWuYWwODEagrjz20gM/Yk6"
		"A1xB54="),
	/* Django 5.2, tests/auth_tests/test_hashers.py */
	VECTOR(DJANGO_PBKDF2, "l\xc3\xa8tmein",
		"pbkdf2_sha256$1000000$seasalt$r1uLUxoxpP2Ued/qxvmje7UH9PUJBkRrvf"
		"9gGPL7Cps="),
	/* make_password("hunter2", hasher="scrypt") */
	VECTOR(DJANGO_SCRYPT, "hunter2",
		"scrypt$16384$ieIwYsmD2qb6V0cYvudvsu$8$5$jl6NAcerR5ccEPwXzAbdDhZw"
		"9aOrw1R7A1kZMq83jxVCe1gu+gE5ItySN4l3YcFpYcBijMd11gIvt11n9M57Gw=="),
	/* ScryptPasswordHasher().encode("hunter2", "seasalt", n=1024, r=4, p=2) */
	VECTOR(DJANGO_SCRYPT, "hunter2",
		"scrypt$1024$seasalt$4$2$z0ZrnjSAK1xzZuulvC31PJCObM2Okc50JLvjt0ks"
		"BsdNw7yGCH8wpYd9KUKEN78tz000mqEVCw1e/mEhm62KBA=="),
	/* ScryptPasswordHasher().encode("", "seasalt", n=16, r=1, p=1) */
	VECTOR(DJANGO_SCRYPT, "",
		"scrypt$16$seasalt$1$1$d/6ov0QW0Tt/VFrZe//izwiTvkGjyhk4XHL+Wz3Jw2"
		"CD0khDlJkZaVB4/qQudK9SchGpehQ1J/oPlY04o1QjQA=="),
	/* Django 5.2, tests/auth_tests/test_hashers.py */
	VECTOR(DJANGO_SCRYPT, "l\xc3\xa8tmein",
		"scrypt$16384$seasalt$8$5$ECMIUp+LMxMSK8xB/IVyba+KYGTI7FTnet025q/"
		"1f/vBAVnnP3hdYqJuRi+mJn6ji6ze3Fbb7JEFPKGpuEf5vw=="),
	/* BCryptPasswordHasher().encode("hunter2", b"$2b$04$abcdefghijklmnopqrstuu") */
	VECTOR(DJANGO_BCRYPT, "hunter2",
		"bcrypt$$2b$04$abcdefghijklmnopqrstuuV3duMsC0HpUex6N9qapiuOHHWkwR"
		"XVm"),
	/* BCryptSHA256PasswordHasher().encode("hunter2", b"$2b$04$abcdefghijklmnopqrstuu") */
	VECTOR(DJANGO_BCRYPT_SHA256, "hunter2",
		"bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuuHWG4K0V.G2IZGGq/jcEW9"
		"P4.SdfWpAu"),
	/* BCryptSHA256PasswordHasher().encode("long" * 100, b"$2b$04$abcdefghijklmnopqrstuu") */
	VECTOR(DJANGO_BCRYPT_SHA256, TEN(TEN("long")),
		"bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuuPwjI0h6zbB1lh3LJJEoKk"
		"WrZKqAz8m2"),
	/* BCryptSHA256PasswordHasher().encode("nul\0inside", b"$2b$04$abcdefghijklmnopqrstuu") */
	VECTOR(DJANGO_BCRYPT_SHA256, "nul\0inside",
		"bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuuG01aIbmlihbrfWt37U2At"
		"T3cdN7XNXy"),
	/* python3 -c 'from passlib.hash import pbkdf2_sha1 as h;
	 * print(h.using(rounds=1000).hash("hunter2"))' */
	VECTOR(PASSLIB_PBKDF2, "hunter2",
		"$pbkdf2$1000$E0LonRPCGENo7X3vPUcoZQ$FKuRo23b/BD.rUP6LbHD45iBRiQ"),
	/* python3 -c 'from passlib.hash import pbkdf2_sha256 as h; print(h.hash("hunter2"))' */
	VECTOR(PASSLIB_PBKDF2, "hunter2",
		"$pbkdf2-sha256$29000$z/lfy1lrzTmHEIKQEqJUig$DyGhjE9HaB02cfV.65J4"
		"iKtiuFylxcP5ZZE3k7ZDOvk"),
	/* python3 -c 'from passlib.hash import pbkdf2_sha512 as h; print(h.using(rounds=1,
	 * salt_size=64).hash("hunter2"))' */
	VECTOR(PASSLIB_PBKDF2, "hunter2",
		"$pbkdf2-sha512$1$aG2tlTJGqNU6p5Qy5lxL6T1nbI0x5lwrZcx5752zFuIcg1D"
		"qnTPmXKv1PifEOMdYa.0dA6C0tvY.p5SS8r43xg$F2EcCg.bk3xZIwgNe9voy6i5"
		"Y/yobSsz9ITai0NuIFy1OFNfwPYkz5R/hCEtlPuRD3DVle8.mV63qererK8vaw"),
	/* python3 -c 'from passlib.hash import pbkdf2_sha512 as h;
	 * print(h.using(salt_size=7).hash("pässwörd €"))' */
	VECTOR(PASSLIB_PBKDF2, "p\xc3\xa4ssw\xc3\xb6rd \xe2\x82\xac",
		"$pbkdf2-sha512$25000$3JtzLkUoRQ$1FaF/2kssZbhDHuBvT/9lkliwYtfBMgd"
		"LSyS/3I3TE4vM76qkSwKPexLHLUiLvVxqyugiYWAC20oLwY9urYWHw"),
	/* RFC 6070, the fourth */
	VECTOR(PASSLIB_PBKDF2, "password",
		"$pbkdf2$4096$c2FsdA$SwB5AbdlSJq.rUnZJvch0GWkKcE"),
	/* passlib 1.7, passlib.hash.pbkdf2_digest */
	VECTOR(PASSLIB_PBKDF2, "password",
		"$pbkdf2-sha256$6400$.6UI/S.nXIk8jcbdHx3Fhg$98jZicV16ODfEsEZeYPGH"
		"U3kbrUrvUEXOPimVSQDD44"),
	/* python3 -c 'from passlib.hash import scrypt as h; print(h.hash("hunter2"))' */
	VECTOR(PASSLIB_SCRYPT, "hunter2",
		"$scrypt$ln=16,r=8,p=1$B+C89z4HgPAeI4RwzhkDoA$01RQkRvU7VvfJ1yV7zC"
		"0u+Ec+ai0byjhR1B7u1yK9jU"),
	/* python3 -c 'from passlib.hash import scrypt as h; print(h.using(rounds=4, block_size=2,
	 * parallelism=3, salt=b"\xfb\xef\xbe").hash("hunter2"))' */
	VECTOR(PASSLIB_SCRYPT, "hunter2",
		"$scrypt$ln=4,r=2,p=3$++++$cztSXMwPUjSlCAJ0YlTxc7CGWKohAvMHwYsmWR"
		"EAvPc"),
	/* passlib 1.7, passlib.hash.scrypt */
	VECTOR(PASSLIB_SCRYPT, "password",
		"$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHD"
		"lm4CbdRSCdEBsjjJxD+iCs5E"),
	/* python3 -c 'from werkzeug.security import *; print(generate_password_hash("hunter2",
	 * "pbkdf2"))' */
	VECTOR(WERKZEUG_PBKDF2, "hunter2",
		"pbkdf2:sha256:1000000$ptgP7T5yi9iK6M0C$008c0b74d9335629134751cc5"
		"c08bf86f1e537c578481ca68e07fd6a502c1709"),
	/* python3 -c 'from werkzeug.security import *; print(generate_password_hash("hunter2",
	 * "pbkdf2:sha1:1000", 8))' */
	VECTOR(WERKZEUG_PBKDF2, "hunter2",
		"pbkdf2:sha1:1000$HK9efZdm$6779a48acb23bc376b087df0e7c0bc5f69a401"
		"b9"),
	/* python3 -c 'from werkzeug.security import *; print(generate_password_hash("hunter2",
	 * "pbkdf2:sha512:1000", 1))' */
	VECTOR(WERKZEUG_PBKDF2, "hunter2",
		"pbkdf2:sha512:1000$U$9d88547343b620a759aa72a53f534a88b4bdcc609df"
		"0f70e31103a675af508e92f74c5a769d9b46719a63b0c288a64a850b5e2d4185"
		"0aeb3965de49165efacd8"),
	/* python3 -c 'from werkzeug.security import *; print(generate_password_hash("",
	 * "pbkdf2:sha256:1"))' */
	VECTOR(WERKZEUG_PBKDF2, "",
		"pbkdf2:sha256:1$VzrT6jSZs624hcmG$303788ce28cf7a71ac3cfc731e4e5ee"
		"ecf7f3fcec66648fdae7a6347a282da89"),
	/* RFC 6070, the first */
	VECTOR(WERKZEUG_PBKDF2, "password",
		"pbkdf2:sha1:1$salt$0c60c80f961f0e71f3a9b524af6012062fe037a6"),
	/* RFC 7914 section 11, of whose 64 bytes these are the first 32 */
	VECTOR(WERKZEUG_PBKDF2, "Password",
		"pbkdf2:sha256:80000$NaCl$4ddcd8f60b98be21830cee5ef22701f9641a441"
		"8d04c0414aeff08876b34ab56"),
	/* python3 -c 'from werkzeug.security import *; print(generate_password_hash("hunter2"))' */
	VECTOR(WERKZEUG_SCRYPT, "hunter2",
		"scrypt:32768:8:1$UzkJHpdYn48GUi33$781af41acbf964d897df06bc4a70bf"
		"ff0637df7a7943b4fd83b55c96e48e09a3a08f277cb9004b494c89370e408b8b"
		"f3a32b3dd28ded7aa26266fe4a3b02f46c"),
	/* python3 -c 'from werkzeug.security import *; print(generate_password_hash("hunter2",
	 * "scrypt:256:4:2"))' */
	VECTOR(WERKZEUG_SCRYPT, "hunter2",
		"scrypt:256:4:2$heZo3jAlltVhZVJC$3f78f595f4d0bf05e1ce4d2de8aaa682"
		"8c178d4a5b16595e8830de528741b73faf65856d532eae22657420262440d7b1"
		"6bc6cd6ef442251c69b141451e91cc22"),
	/* RFC 7914 section 12 */
	VECTOR(WERKZEUG_SCRYPT, "password",
		"scrypt:1024:8:16$NaCl$fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8"
		"237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a"
		"83ee6d8360cbdfa2cc0640"),
	/* RFC 7914 section 12 */
	VECTOR(WERKZEUG_SCRYPT, "pleaseletmein",
		"scrypt:16384:8:1$SodiumChloride$7023bdcb3afd7348461c06cd81fd38eb"
		"fda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9"
		"e61e85dc0d651e40dfcf017b45575887"),
	/* The next ones are made on Debian 13. WordPress 6.8.12: WP stands for
	 * php -r 'define("ABSPATH", "/usr/share/wordpress/"); define("WPINC", "wp-includes");
	 * require ABSPATH . "wp-includes/plugin.php"; require ABSPATH . "wp-includes/pluggable.php";
	 * require ABSPATH . "wp-includes/class-phpass.php";
	 * add_filter("wp_hash_password_options", fn() => ["cost" => 4]); ...' */
	/* WP echo wp_hash_password("hunter2"); */
	VECTOR(WORDPRESS_BCRYPT, "hunter2",
		"$wp$2y$04$ay7SSZjDqReIMCyn06wOXeuWK.eUmr.JFSdp0e0dy/wo5RW50YWX6"),
	/* WP echo wp_hash_password(" \t\n pässwörd € \r\0\v"); */
	VECTOR(WORDPRESS_BCRYPT, "p\xc3\xa4ssw\xc3\xb6rd \xe2\x82\xac",
		"$wp$2y$04$7BBVNaa.A8m6.IgVaa./juN57PaEzyKx86uJOkeJbthbCggQ4jzai"),
	/* WP echo wp_hash_password(str_repeat("x", 100)); with cost 5 */
	VECTOR(WORDPRESS_BCRYPT, TEN(TEN("x")),
		"$wp$2y$05$pTRmmDPLwikVwy3.4jtdIO2p4dR9dpIdsofnpvJJW8WPNA4PY0Oxu"),
	/* WP echo wp_hash_password("nul\0inside"); */
	VECTOR(WORDPRESS_BCRYPT, "nul\0inside",
		"$wp$2y$04$275iI5P1ionBK/CcCTpa7e/4NzAP1tXdxGZYdO5V0WQiwWrwf5pTK"),
	/* WP echo (new PasswordHash(8, true))->HashPassword("hunter2"); */
	VECTOR(PHPASS, "hunter2",
		"$P$BRB4mDcJkIhS52nX6BJra6vwJohZVJ1"),
	/* WP echo (new PasswordHash(8, true))->HashPassword("pässwörd €"); */
	VECTOR(PHPASS, "p\xc3\xa4ssw\xc3\xb6rd \xe2\x82\xac",
		"$P$Bui63DHjPqMwMZM8oK7wbVuSGelXgF."),
	/* WP echo (new PasswordHash(4, true))->HashPassword("nul\0inside"); */
	VECTOR(PHPASS, "nul\0inside",
		"$P$7ZPBiJCplK6GWUqqOzbO8BgFZ0KjQL0"),
	/* WP echo (new PasswordHash(4, true))->HashPassword(""); */
	VECTOR(PHPASS, "",
		"$P$7eftonKmp4kE1V9Qm/tgp6wiqtIU.k0"),
	/* WP echo (new PasswordHash(4, true))->HashPassword(str_repeat("x", 100)); */
	VECTOR(PHPASS, TEN(TEN("x")),
		"$P$70AhVd0RSaXGaVfcoC13u5TdHa6Pz9."),
	/* WP echo (new PasswordHash(6, true))->crypt_private("hunter2", "\$H\$9abcdefgh"); */
	VECTOR(PHPASS, "hunter2",
		"$H$9abcdefghIhhC7PSFerbk3AZf8FrHG0"),
	/* phpass 0.5, test.php */
	VECTOR(PHPASS, "test12345",
		"$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"),
	/* htpasswd -nbm u hunter2 (Apache 2.4) */
	VECTOR(APR1, "hunter2",
		"$apr1$vS64J5vE$UcLMnJzFRN3z2tDOlnzwr/"),
	/* htpasswd -nbm u 'pässwörd €' */
	VECTOR(APR1, "p\xc3\xa4ssw\xc3\xb6rd \xe2\x82\xac",
		"$apr1$9SgNbVD8$f8nCoOraN8RkKNnaw/BjP1"),
	/* htpasswd -nbm u $(printf 'x%.0s' $(seq 100)) */
	VECTOR(APR1, TEN(TEN("x")),
		"$apr1$/F8eB3Cy$CROQiEuhR/2nGeVh9WdEo1"),
	/* openssl passwd -apr1 -salt ab hunter2 */
	VECTOR(APR1, "hunter2",
		"$apr1$ab$eYsPVGkVqH8EEVRvRTn0Y."),
	/* Spring Security 6.4 (spring-security-crypto, with Bouncy Castle 1.80 and Java 17):
	 * new DelegatingPasswordEncoder("pbkdf2", Map.of("pbkdf2",
	 * Pbkdf2PasswordEncoder.defaultsForSpringSecurity_v5_5())).encode("hunter2") */
	VECTOR(SPRING_PBKDF2, "hunter2",
		"{pbkdf2}5c252097ad2501eccd65dd90f2269bfc76f0eba4fb14e56464da9b43"
		"2eed4f3e62597133a06b4041"),
	/* the same with Pbkdf2PasswordEncoder.defaultsForSpringSecurity_v5_8() */
	VECTOR(SPRING_PBKDF2, "hunter2",
		"{pbkdf2@SpringSecurity_v5_8}33d7e3ca066a03b303be5f6e8676c1710fd1"
		"e2926fefe23ad5def1b80af41e175a488c95f0dbc999e8d6cbf906b0135d"),
	/* the same with SCryptPasswordEncoder.defaultsForSpringSecurity_v4_1() */
	VECTOR(SPRING_SCRYPT, "hunter2",
		"{scrypt}$e0801$Cm7lOX17xBEAAstIyJTJ9WFGsNdEwWJ/akEX78p5MpAOOWYVq"
		"cHc1yrp3niOZ8Pc6phKIGB9oVxDPGww4Lh4Ew==$qVm1RDn55zoyqFEMkxTqhc/U"
		"Xycsx3KeSoXLBwHMsJY="),
	/* the same with SCryptPasswordEncoder.defaultsForSpringSecurity_v5_8() */
	VECTOR(SPRING_SCRYPT, "hunter2",
		"{scrypt@SpringSecurity_v5_8}$100801$aeMvEdukYWgbT0F3PCBbjw==$TeO"
		"CUzJqmUF4eMV1XZniv9dzAGNYjggEyEJaJUNqCYY="),
	/* the same with new SCryptPasswordEncoder(16, 1, 1, 32, 16) */
	VECTOR(SPRING_SCRYPT, "hunter2",
		"{scrypt}$40101$MCdaQ2TjV1UIuhe21b7isA==$0XaW4+h5exGY+yGuHPCziFqE"
		"h5C1kNqRyQ+4I3MrgO0="),
};
/* clang-format on */

enum { LEGACY_VECTORS = sizeof(legacy_vectors) / sizeof(legacy_vectors[0]) };

#endif
