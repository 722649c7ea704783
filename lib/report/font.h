/* A font for pixels. */
#ifndef GG_FONT_H
#define GG_FONT_H

#include <stdint.h>

enum { GG_FONT_WIDTH = 7, GG_FONT_HEIGHT = 13, GG_FONT_ASCENT = 11 };

/* Of the letters ' ' to '~': rows from the top, the leftmost pixel in bit 6. */
extern const uint8_t gg_font[95][GG_FONT_HEIGHT];

#endif
