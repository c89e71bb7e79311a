/* page.c - the frame of an HTML report: style, headings, facts, pictures. */
#include "page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char style[] =
    ":root{--paper:#fbfbf9;--card:#fff;--ink:#1d2024;--quiet:#646b73;--line:#e2e4e6;--c0:#2a6ebb;--c1:#d1601f;"
    "--c2:#2c8a5b}\n"
    "@media(prefers-color-scheme:dark){:root{--paper:#15171a;--card:#1d2024;--ink:#e8eaed;--quiet:#9aa1a9;"
    "--line:#33383e;--c0:#6aa6ec;--c1:#f0925a;--c2:#5cc28f}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,\"Segoe UI\","
    "Roboto,\"DejaVu Sans\",sans-serif}\n"
    "main{max-width:1080px;margin:0 auto;padding:32px 20px 64px}\n"
    "h1{font-size:1.7rem;line-height:1.2;margin:0 0 4px}\n"
    "h2{font-size:1.15rem;margin:40px 0 8px}\n"
    "h3{font-size:.95rem;font-weight:600;margin:0 0 10px}\n"
    "p{margin:0 0 12px;max-width:46em}\n"
    ".quiet,figcaption,dt{color:var(--quiet)}\n"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:16px;min-width:0}\n"
    ".charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:16px}\n"
    "dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(max(140px,20%),1fr));gap:16px;margin:16px 0}\n"
    "dl div{border-top:2px solid var(--line);padding-top:8px}\n"
    "dt{font-size:.85rem}dd{margin:0;font-size:1.15rem;font-weight:600;overflow-wrap:anywhere}\n"
    "svg{display:block;width:100%;height:auto}\n"
    "svg text{font-size:11px;fill:var(--quiet)}svg .grid{stroke:var(--line)}\n"
    "svg .line{fill:none;stroke-width:2;stroke-linejoin:round}\n"
    ".s0{stroke:var(--c0)}.s1{stroke:var(--c1)}.s2{stroke:var(--c2)}\n"
    ".f0{background:var(--c0)}.f1{background:var(--c1)}.f2{background:var(--c2)}\n"
    ".legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:.85rem;margin-top:8px}\n"
    ".legend i{display:inline-block;width:14px;height:3px;vertical-align:middle;margin-right:6px}\n"
    ".bars{display:grid;grid-template-columns:minmax(70px,max-content) 1fr;gap:8px 12px;align-items:center;"
    "font-size:.9rem}\n"
    ".bars span{overflow-wrap:anywhere}\n"
    ".bar{display:flex;align-items:center;gap:8px;min-width:0}\n"
    ".bar i{display:block;height:18px;border-radius:2px;min-width:2px;flex-shrink:1}\n"
    ".bar b{font-weight:500;white-space:nowrap}\n"
    ".scroll{overflow-x:auto}\n"
    "table{border-collapse:collapse;font-size:.8rem;font-variant-numeric:tabular-nums}\n"
    "th{font-weight:500;text-align:left;padding:3px 8px;white-space:nowrap}\n"
    "td{text-align:right;padding:3px 8px;min-width:38px;border:1px solid var(--line)}\n"
    "td.empty{color:var(--line)}\n"
    ".wide th,.wide td{padding:6px 12px;font-size:.9rem}\n"
    ".pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(84px,1fr));gap:12px}\n"
    ".pictures.small{grid-template-columns:repeat(auto-fill,minmax(44px,1fr));gap:6px}\n"
    "figure{margin:0;min-width:0}\n"
    "figure img{width:100%;display:block;image-rendering:pixelated;border:1px solid var(--line);border-radius:4px}\n"
    "figcaption{font-size:.78rem;line-height:1.3;margin-top:4px;overflow-wrap:anywhere}\n"
    "footer{margin-top:48px;font-size:.85rem;color:var(--quiet)}\n";

void page_escaped(struct page *p, const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        if (*text == '<')
            fputs("&lt;", p->f);
        else if (*text == '>')
            fputs("&gt;", p->f);
        else if (*text == '&')
            fputs("&amp;", p->f);
        else if (*text == '"')
            fputs("&quot;", p->f);
        else
            putc(*text, p->f);
    }
}

int page_open(struct page *p, const char *path, const char *title, const char *subtitle)
{
    int status = draft_open(&p->draft, path);
    if (status != TOOL_OK)
        return status;
    p->f = p->draft.f;
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
          p->f);
    page_escaped(p, title);
    fprintf(p->f, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n<h1>", style);
    page_escaped(p, title);
    fputs("</h1>\n<p class=\"quiet\">", p->f);
    page_escaped(p, subtitle);
    fputs("</p>\n", p->f);
    return TOOL_OK;
}

int page_close(struct page *p, int status)
{
    fprintf(p->f, "<footer>Written by gradc %s.</footer>\n</main>\n</body>\n</html>\n", gradc_version());
    status = draft_close(&p->draft, status);
    if (status == TOOL_OK)
        printf("saved %s\n", p->draft.path);
    return status;
}

void page_section(struct page *p, const char *heading, const char *text)
{
    fputs("<h2>", p->f);
    page_escaped(p, heading);
    fputs("</h2>\n", p->f);
    if (text != NULL)
        page_paragraph(p, text);
}

void page_paragraph(struct page *p, const char *text)
{
    fputs("<p>", p->f);
    page_escaped(p, text);
    fputs("</p>\n", p->f);
}

void page_facts(struct page *p, int n, const struct fact *facts)
{
    fputs("<dl>\n", p->f);
    for (int i = 0; i < n; i++) {
        fputs("<div><dt>", p->f);
        page_escaped(p, facts[i].name);
        fputs("</dt><dd>", p->f);
        page_escaped(p, facts[i].value);
        fputs("</dd></div>\n", p->f);
    }
    fputs("</dl>\n", p->f);
}

/* ---- Pictures ---- */

static void write_base64(FILE *f, const unsigned char *data, size_t bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes; i += 3) {
        unsigned long three = (unsigned long)data[i] << 16;
        three |= i + 1 < bytes ? (unsigned long)data[i + 1] << 8 : 0;
        three |= i + 2 < bytes ? (unsigned long)data[i + 2] : 0;
        putc(digits[three >> 18], f);
        putc(digits[three >> 12 & 63], f);
        putc(i + 1 < bytes ? digits[three >> 6 & 63] : '=', f);
        putc(i + 2 < bytes ? digits[three & 63] : '=', f);
    }
}

static int write_file_base64(struct page *p, const char *path)
{
    unsigned char data[3 * 4096];
    size_t bytes;
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        fprintf(stderr, "gradc: %s: %s\n", path, strerror(errno));
        return TOOL_FAILED;
    }
    while ((bytes = fread(data, 1, sizeof data, f)) > 0)
        write_base64(p->f, data, bytes);
    fclose(f);
    return TOOL_OK;
}

/* The PNG by way of a file beside the report, which the library writes. */
static int write_png(struct page *p, int64_t height, int64_t width, const unsigned char *pixels)
{
    char *path = text_format("%s.png", p->draft.temporary);
    if (path == NULL)
        return tool_no_memory();
    int status = gradc_write_png(path, height, width, 3, pixels) == GRADC_OK ? write_file_base64(p, path)
                                                                             : tool_failed(NULL, "--report");
    unlink(path);
    free(path);
    return status;
}

void page_pictures_begin(struct page *p, int small)
{
    fprintf(p->f, "<div class=\"card\"><div class=\"pictures%s\">\n", small ? " small" : "");
}

int page_picture(struct page *p, int64_t height, int64_t width, const unsigned char *pixels,
                 const char *first, const char *second)
{
    fputs("<figure><img alt=\"", p->f);
    page_escaped(p, first);
    fputs("\" src=\"data:image/png;base64,", p->f);
    int status = write_png(p, height, width, pixels);
    fputs("\">", p->f);
    if (first != NULL) {
        fputs("<figcaption>", p->f);
        page_escaped(p, first);
        if (second != NULL)
            fputs("<br>", p->f);
        page_escaped(p, second);
        fputs("</figcaption>", p->f);
    }
    fputs("</figure>\n", p->f);
    return status;
}

void page_pictures_end(struct page *p)
{
    fputs("</div></div>\n", p->f);
}
