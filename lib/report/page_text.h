/* Style and script of pages. */
#ifndef GG_PAGE_TEXT_H
#define GG_PAGE_TEXT_H

extern const char gg_page_style[];
extern const char gg_page_script[];

#endif
