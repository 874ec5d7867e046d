#define _GNU_SOURCE
#define NCURSES_WIDECHAR 1
#include "screen.h"

#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

// term.h has a macro for each capability, among them these words.
#undef columns
#undef lines

// How the terminal was found, and what makes it show what it showed before.
static struct termios found;
static char leave[256];

// How long the rest of a key's sequence or of a character may take, in milliseconds.
enum { patience = 100 };

static const int faults[] = {SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV};

// Makes the terminal usable and lets the fault take its course; only calls that a signal handler
// may make.
static void on_fault(int number) {
    ssize_t written = write(STDOUT_FILENO, leave, strlen(leave));
    (void)written;
    tcsetattr(STDIN_FILENO, TCSANOW, &found);
    signal(number, SIG_DFL);
    raise(number);
}

static void handle_faults(void (*handler)(int)) {
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) signal(faults[i], handler);
}

static void note(const char *name) {
    const char *text = tigetstr(name);
    if (text == NULL || text == (const char *)-1) return;
    strncat(leave, text, sizeof leave - strlen(leave) - 1);
}

int screen_open(void) {
    if (tcgetattr(STDIN_FILENO, &found) != 0) return -1;
    int error;
    if (setupterm(NULL, STDOUT_FILENO, &error) != OK) return -1;
    const char *move = tigetstr("cup");
    if (move == NULL || move == (const char *)-1) return -1;
    if (newterm(NULL, stdout, stdin) == NULL) return -1;
    leave[0] = 0;
    note("sgr0");
    note("rmkx");
    note("cnorm");
    note("rmcup");
    handle_faults(on_fault);
    // Signals stay on: Ctrl-C and Ctrl-Z mean what they always mean.
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    set_escdelay(patience);
    return 0;
}

void screen_close(void) {
    endwin();
    handle_faults(SIG_DFL);
}

void screen_resize(int rows, int columns) {
    resizeterm(rows, columns);
    clearok(stdscr, TRUE);
}

int32_t screen_key(void) {
    // ncurses drops the first bytes of a character whose last ones have not come, so it may wait
    // for them. Without bytes there may still be characters that it has read before.
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    bool has_bytes = poll(&input, 1, 0) > 0 && (input.revents & POLLIN);
    wtimeout(stdscr, has_bytes ? patience : 0);
    wint_t key = 0;
    switch (wget_wch(stdscr, &key)) {
    case OK: return (int32_t)key;
    case KEY_CODE_YES: break;
    default: return SCREEN_NONE;
    }
    switch (key) {
    case KEY_ENTER: return SCREEN_ENTER;
    case KEY_BACKSPACE: return SCREEN_BACKSPACE;
    case KEY_DC: return SCREEN_DELETE;
    case KEY_LEFT: return SCREEN_LEFT;
    case KEY_RIGHT: return SCREEN_RIGHT;
    case KEY_UP: return SCREEN_UP;
    case KEY_DOWN: return SCREEN_DOWN;
    case KEY_HOME: return SCREEN_HOME;
    case KEY_END: return SCREEN_END;
    case KEY_PPAGE: return SCREEN_PAGE_UP;
    case KEY_NPAGE: return SCREEN_PAGE_DOWN;
    case KEY_BTAB: return SCREEN_BACK_TAB;
    default: return SCREEN_OTHER;
    }
}

int screen_width(int32_t character) { return wcwidth((wchar_t)character); }

void screen_clear(void) { werase(stdscr); }

void screen_put(int row, int column, enum screen_style style, const int32_t *text, int count) {
    static const int looks[] = {A_NORMAL, A_BOLD, A_DIM, A_REVERSE};
    wattrset(stdscr, looks[style]);
    // A character of Unicode is a wide character in glibc.
    mvwaddnwstr(stdscr, row, column, (const wchar_t *)text, count);
}

void screen_show(int cursor_row, int cursor_column) {
    wattrset(stdscr, A_NORMAL);
    curs_set(cursor_row < 0 ? 0 : 1);
    if (cursor_row >= 0) wmove(stdscr, cursor_row, cursor_column);
    wrefresh(stdscr);
}
