/* SPDX-License-Identifier: Apache-2.0
 * The operators' pages: the frame around them, and what several of them show. A page shows what the route beside it
 * answers, and nothing else; its forms do what the routes do, and answer with a page to go to. Links and forms are all
 * it takes, the script only makes it nicer. */
#ifndef BILLING_WEB_ADMIN_PAGE_H
#define BILLING_WEB_ADMIN_PAGE_H

#include "web/admin/operator.h"
#include "web/admin/texts.h"
#include "web/html.h"
#include "web/query.h"

enum page_section { PAGE_HEALTH, PAGE_ORGS, PAGE_SHADOW, PAGE_EVENTS, PAGE_EXPLAIN, PAGE_SECTIONS, PAGE_NONE };

struct page {
    request_rec *r;
    struct html *html;
    const char *mount; /* links begin with it */
    struct operator_call call;
};

/** To be called before anything else. False where the caller may not look: the problem was sent, and `*answered` is
 * what the handler returns. Takes the page's own `done` out of the query, so that the route's task finds what it knows.
 */
bool page_enter(struct page *page, request_rec *r, const char **done, int *answered);

/** What the task answers, NULL where the problem was sent: `*answered` is what the handler returns. */
json_t *page_ask(struct page *page, const char *tail, const struct operator_task *task, const json_t *body,
                 int *answered);

/** The frame up to the page's heading. `title` is a text. `done` is a code of what a form did, or NULL. */
void page_begin(struct page *page, enum page_section section, const char *title, const char *done);

/** Ends the frame and answers; what a handler returns. */
int page_end(struct page *page, int status);

/** A page that tells of a problem; what a handler returns. */
int admin_problem_page(request_rec *r, int status, const json_t *problem);

/** A form's call: reads its fields, insists on a page of this site's own as the sender, and has the task do it with
 * `body_make` of the fields. NULL where the problem was sent. */
typedef json_t *page_body(apr_pool_t *pool, const struct query_value *fields);
json_t *page_submit(struct page *page, request_rec *r, const char *tail, const struct operator_task *task,
                    struct query_value *fields, size_t count, page_body *body_make, int *answered);

/** 303 to a page below the mount, whose path may hold a query. */
int page_go(struct page *page, const char *path);

/* JSON's members. */
const char *member_text(const json_t *json, const char *name);
int64_t member_count(const json_t *json, const char *name);
bool member_true(const json_t *json, const char *name);

/** A time as it is read, or "–". */
void page_time(struct page *page, const char *time);
/** The day of a time, as a date field takes it; "" for NULL. */
const char *page_day(struct page *page, const char *time);
/** A text, or "–" for none. */
void page_text(struct page *page, const char *text);
/** A text in code, or "–". */
void page_code(struct page *page, const char *text);
/** The same with their term, in a list of facts. */
void page_fact_time(struct page *page, const char *term, const char *time);
void page_fact_code(struct page *page, const char *term, const char *code);
void page_org_link(struct page *page, const char *org);
void page_event_link(struct page *page, const char *event);
void page_status(struct page *page, const char *status);
void page_outcome(struct page *page, const char *outcome);
/** What a code means, else the code. */
const char *page_word(const char *text, const char *code);
/** The ways that would unblock, in a line. */
void page_unblock(struct page *page, const json_t *unblock);

/* Before the head of a column of numbers. */
#define PAGE_NUMBER "#"

/** A table that scrolls by itself where there is no room, up to its first row. It is named by `label`, or where that is
 * NULL by the element whose id is `heading`. `columns` are their heads, "" where one has none, and end with NULL. */
void page_table_begin(struct page *page, const char *label, const char *heading, const char *const *columns);
void page_table_end(struct page *page);

/** Links to the first page and to the next one of a list. `query` is what else to keep, each with its &. */
void page_pager(struct page *page, const char *path, const char *query, const char *cursor, const json_t *list);
/** "&name=value" of the request's query, "" where it has none. For page_pager. */
const char *page_kept(struct page *page, const char *name);
/** The value of a name in the request's query, or "". */
const char *page_asked(struct page *page, const char *name);
/** The options of a choice among the catalogue's features; `any`: or none of them. */
void page_feature_options(struct page *page, const char *chosen, bool any);
/** The options of a choice: the one that is `chosen` is. */
void page_option(struct page *page, const char *value, const char *text, const char *chosen);

#endif
