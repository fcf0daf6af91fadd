/* A mutex that is held for some hundred instructions and asked for by every call: spinning a
 * little beats going to sleep. */
#ifndef POLICY_MUTEX_H
#define POLICY_MUTEX_H

#include <pthread.h>

static inline void mutex_init_short(pthread_mutex_t *m)
{
    pthread_mutexattr_t how;
    pthread_mutexattr_init(&how);
    pthread_mutexattr_settype(&how, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(m, &how);
    pthread_mutexattr_destroy(&how);
}

#endif
