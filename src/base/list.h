/* A doubly linked ring inside the structs it links. A node that is in no list
 * points at itself, so that list_remove() may be called at any time. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/str.h"

struct list {
    struct list *prev, *next;
};

static inline void list_init(struct list *l)
{
    l->prev = l->next = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_insert_before(struct list *place, struct list *node)
{
    node->prev = place->prev;
    node->next = place;
    place->prev->next = node;
    place->prev = node;
}

static inline void list_add_last(struct list *l, struct list *node)
{
    list_insert_before(l, node);
}

static inline void list_add_first(struct list *l, struct list *node)
{
    list_insert_before(l->next, node);
}

static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

#define LIST_ENTRY(node, type, member) CONTAINER_OF(node, type, member)
/* Safe against removal of `it` itself inside the loop. */
#define LIST_EACH(it, l)                                                                                               \
    for (struct list *it = (l)->next, *it##_next = it->next; it != (l); it = it##_next, it##_next = it->next)

#endif
