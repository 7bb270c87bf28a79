/* For any processor, whose vectors are of four floats at least. */

#include "call.h"

#define WIDE PLAIN_WIDE
#define NAME linrec_plain
#define TARGET
#include "form.h"
