/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intrusive doubly linked lists. A `struct list` is either the head or a node inside an object; the list
 * owns nothing. Initialise heads with LIST_INIT or list_init; a node that is in no list must be
 * zeroed or list_init'ed before list_remove.
 */
#ifndef CW_BASE_LIST_H
#define CW_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(name)                                                                                      \
	{                                                                                                    \
		&(name), &(name)                                                                             \
	}

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}
static inline bool list_empty(const struct list *head)
{
	return head->next == head || !head->next;
}
static inline void list_insert_before(struct list *pos, struct list *n)
{
	n->prev = pos->prev;
	n->next = pos;
	pos->prev->next = n;
	pos->prev = n;
}
static inline void list_append(struct list *head, struct list *n)
{
	list_insert_before(head, n);
}
static inline void list_prepend(struct list *head, struct list *n)
{
	list_insert_before(head->next, n);
}
/* Safe to call twice and on a zeroed node. */
static inline void list_remove(struct list *n)
{
	if (!n->next)
		return;
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->next = n->prev = NULL;
}
#define list_entry(node, type, member) container_of(node, type, member)
#define list_first(head, type, member) (list_empty(head) ? NULL : list_entry((head)->next, type, member))
/*
 * Iterate over objects; the current one may be removed from the list and freed inside the loop (its successor
 * may not). One loop, so `break` and `continue` mean what they say.
 */
#define list_for_each(head, type, var, member)                                                               \
	for (type *var = list_entry((head)->next, type, member),                                             \
	          *var##_next = list_entry(var->member.next, type, member);                                  \
	     &var->member != (head);                                                                         \
	     var = var##_next, var##_next = list_entry(var##_next->member.next, type, member))

#endif
