#include <crypt.h>
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "common/locked.h"
#include "hasher/legacy_verify.h"

_Static_assert(LEGACY_TEXT_MAX < sizeof(((struct crypt_data *)NULL)->setting),
    "a string and its NUL must fit");
_Static_assert(LEGACY_CRYPT_PASSWORD_MAX < sizeof(((struct crypt_data *)NULL)->input),
    "a password and its NUL must fit");

/* libxcrypt writes the whole string anew; it is the same if the password is. */
static enum legacy_status crypt_compare(struct crypt_data *data, size_t len)
{
	const char *ours;

	errno = 0;
	ours = crypt_rn(data->input, data->setting, data, sizeof(*data));
	if (ours == NULL)
		return errno == ENOMEM ? LEGACY_NO_MEMORY : LEGACY_FAILED;
	if (strlen(ours) != len)
		return LEGACY_MISMATCH;
	return CRYPTO_memcmp(ours, data->setting, len) == 0 ? LEGACY_MATCH
	                                                    : LEGACY_MISMATCH;
}

/* The password's one copy is where libxcrypt has a field for it: it is all wiped at
 * once, with the 30 KiB in which libxcrypt works. */
enum legacy_status legacy_crypt_verify(
    const char *setting, size_t len, const uint8_t *password, size_t password_len)
{
	enum legacy_status status;
	struct crypt_data *data;

	if (len > LEGACY_TEXT_MAX || password_len > LEGACY_CRYPT_PASSWORD_MAX)
		return LEGACY_REFUSED;
	data = locked_zalloc(sizeof(*data));
	if (data == NULL)
		return LEGACY_NO_MEMORY;
	memcpy(data->setting, setting, len);
	if (password_len > 0)
		memcpy(data->input, password, password_len);
	status = crypt_compare(data, len);
	locked_free(data);
	return status;
}
