// The terminal, over ncurses. ncurses keeps its screen in globals and its queries in macros, which
// Swift cannot use, hence these few calls. There is one screen for a process.
#pragma once
#include <stdint.h>

// What `screen_key` may answer besides a character.
enum screen_key_code {
    SCREEN_NONE = -1,   // no key waits
    SCREEN_OTHER = -2,  // a key that has no name here
    SCREEN_ENTER = -3,
    SCREEN_BACKSPACE = -4,
    SCREEN_DELETE = -5,
    SCREEN_LEFT = -6,
    SCREEN_RIGHT = -7,
    SCREEN_UP = -8,
    SCREEN_DOWN = -9,
    SCREEN_HOME = -10,
    SCREEN_END = -11,
    SCREEN_PAGE_UP = -12,
    SCREEN_PAGE_DOWN = -13,
    SCREEN_BACK_TAB = -14,
};

// The looks of text.
enum screen_style { SCREEN_PLAIN, SCREEN_BOLD, SCREEN_DIM, SCREEN_REVERSE };

// Takes the terminal of the standard input and output over; nonzero, and nothing changed, when that
// cannot be done, as for an unknown TERM or one without a cursor that can be placed. From here on
// the terminal is given back as well when the process dies of a fault of its own.
int screen_open(void);
// Gives the terminal back as it was found.
void screen_close(void);
// Follows the terminal's size and draws everything anew with the next `screen_show`.
void screen_resize(int rows, int columns);
// The next key that waits: a character (Unicode), or a code from above.
int32_t screen_key(void);
// The columns of a character; -1 for one that cannot be shown.
int screen_width(int32_t character);

// A frame: clear, put the pieces, show.
void screen_clear(void);
void screen_put(int row, int column, enum screen_style style, const int32_t *text, int count);
// Shows what was put, with the cursor at a place; a row below 0 hides it.
void screen_show(int cursor_row, int cursor_column);
