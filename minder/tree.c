/* Everything below a process, from /proc.

   A child of ours keeps its number until we reap it, so a signal to it by number cannot meet a
   stranger. Deeper ones are reaped by others at any moment: they are signalled through a pidfd
   that is checked, once it is open, to be a child of the one we found it below. */

#include "tree.h"
#include "text.h"

#define DEEPEST 4096 /* processes remembered in one walk; a sweep does not depend on it */

typedef void visitor(int pid, void *context);

/* Whether the kernel has /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN). */
static int without_children_files(void)
{
    static int known; /* 0: not asked; 1: it has them; 2: it has not */
    if (!known) {
        long fd = sys_open(AT_FDCWD, "/proc/thread-self/children", O_RDONLY);
        known = fd < 0 ? 2 : 1;
        if (fd >= 0)
            sys_close((int)fd);
    }
#ifdef MINDER_NO_CHILDREN_FILES
    known = 2;
#endif
    return known == 2;
}

static uint32_t read_file(const char *path, char *to, size_t limit)
{
    long fd = sys_open(AT_FDCWD, path, O_RDONLY);
    if (fd < 0)
        return 0;
    long length = sys_read((int)fd, to, limit);
    sys_close((int)fd);
    return length < 0 ? 0 : (uint32_t)length;
}

/* Call for every number in a file of numbers. */
static void visit_numbers(const char *path, visitor *visit, void *context)
{
    long fd = sys_open(AT_FDCWD, path, O_RDONLY);
    if (fd < 0)
        return;
    char chunk[1024];
    int number = 0;
    for (;;) {
        long length = sys_read((int)fd, chunk, sizeof chunk);
        if (length <= 0)
            break;
        for (long place = 0; place < length; place++) {
            if (chunk[place] >= '0' && chunk[place] <= '9') {
                number = number * 10 + (chunk[place] - '0');
            } else if (number) {
                visit(number, context);
                number = 0;
            }
        }
    }
    if (number)
        visit(number, context);
    sys_close((int)fd);
}

/* Call for every name in a directory that is a number. */
static void visit_directory(const char *path, visitor *visit, void *context)
{
    long fd = sys_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return;
    _Alignas(struct directory_entry) char chunk[2048];
    for (;;) {
        long length = CALL3(__NR_getdents64, fd, chunk, sizeof chunk);
        if (length <= 0)
            break;
        for (long place = 0; place < length;) {
            struct directory_entry *entry = (struct directory_entry *)(chunk + place);
            int number = read_number(entry->name);
            if (number > 0)
                visit(number, context);
            place += entry->length;
        }
    }
    sys_close((int)fd);
}

/* From /proc/PID/stat: "pid (name) state ppid ..."; the name may hold anything. `is_alive`: it is no
   zombie, or one of which threads are left: its first one has ended before them. */
static int parent_of(int pid, int *is_alive)
{
    char path[64], line[512];
    join_path(path, sizeof path, "/proc/", pid, "/stat", 0, "");
    uint32_t length = read_file(path, line, sizeof line - 1);
    line[length] = 0;
    const char *after = 0;
    for (const char *place = line; *place; place++)
        if (*place == ')')
            after = place;
    if (!after || after + 4 > line + length)
        return -1;
    char state = after[2];
    const char *threads = after + 2;
    for (int field = 3; field < 20 && *threads; threads++) /* num_threads is the 20th */
        field += *threads == ' ';
    *is_alive = (state != 'Z' && state != 'X') || read_number(threads) > 1;
    return read_number(after + 4);
}

struct by_parent {
    int parent;
    visitor *visit;
    void *context;
};

static void visit_if_child(int pid, void *context)
{
    struct by_parent *wanted = context;
    int is_alive;
    if (parent_of(pid, &is_alive) == wanted->parent)
        wanted->visit(pid, wanted->context);
}

static void visit_thread(int thread, void *context)
{
    struct by_parent *wanted = context;
    char path[64];
    join_path(path, sizeof path, "/proc/", wanted->parent, "/task/", thread, "/children");
    visit_numbers(path, wanted->visit, wanted->context);
}

/* Call for every child of a process; each of its threads has its own. */
static void visit_children(int pid, visitor *visit, void *context)
{
    struct by_parent wanted = {pid, visit, context};
    if (without_children_files()) {
        visit_directory("/proc", visit_if_child, &wanted);
    } else {
        char path[64];
        join_path(path, sizeof path, "/proc/", pid, "/task", 0, "");
        visit_directory(path, visit_thread, &wanted);
    }
}

/* ---------------------------------------------------------------- to kill */

static void kill_one(int pid, void *context)
{
    struct sweep *sweep = context;
    long error = sys_kill(pid, SIGKILL);
    if (error == 0) {
        sweep->killed++;
    } else if (error == -EPERM) {
        sweep->refused++;
        sweep->refused_pid = pid;
        sweep->error = EPERM;
    }
}

void kill_children(struct sweep *sweep)
{
    sweep->killed = sweep->refused = 0;
    int own = (int)CALL0(__NR_getpid);
    if (without_children_files()) {
        struct by_parent wanted = {own, kill_one, sweep};
        visit_directory("/proc", visit_if_child, &wanted);
    } else {
        visit_numbers("/proc/thread-self/children", kill_one, sweep);
    }
}

/* ---------------------------------------------------------------- to walk */

struct walk {
    int count;
    int pids[DEEPEST];
    char passed[DEEPEST]; /* it was seen to belong to the tree, and is held or is our own */
};

static struct walk walk;

static void add(int pid, void *context)
{
    (void)context;
    if (walk.count < DEEPEST) {
        walk.passed[walk.count] = 0;
        walk.pids[walk.count++] = pid;
    }
}

/* All below `root`, parents before children. */
static void walk_below(int root)
{
    walk.count = 0;
    visit_children(root, add, 0);
    for (int place = 0; place < walk.count; place++)
        visit_children(walk.pids[place], add, 0);
}

int wants_continue(int number)
{
    return number != SIGKILL && number != SIGSTOP && number != SIGTSTP && number != SIGTTIN &&
           number != SIGTTOU && number != SIGCONT;
}

/* Whether a process belongs to the tree: its parent does. Members die while we are at it, so it may
   have another parent than when it was found: one of the others, or us. */
static int is_in_tree(int parent, int root, int own)
{
    if (parent == own || parent == root)
        return 1;
    for (int other = 0; other < walk.count; other++)
        if (walk.pids[other] == parent && walk.passed[other])
            return 1;
    return 0;
}

void signal_descendants(int root, int number, int except)
{
    int own = (int)CALL0(__NR_getpid);
    walk_below(root);
    for (int place = 0; place < walk.count; place++) {
        int pid = walk.pids[place];
        walk.passed[place] = pid == except;
        if (pid == except)
            continue;
        int is_alive;
        long fd = CALL2(__NR_pidfd_open, pid, 0);
        if (fd == -ENOSYS) /* Linux before 5.3 */
            sys_kill(pid, number);
        if (fd < 0)
            continue;
        if (is_in_tree(parent_of(pid, &is_alive), root, own)) {
            walk.passed[place] = 1;
            CALL4(__NR_pidfd_send_signal, fd, number, 0, 0);
            if (wants_continue(number))
                CALL4(__NR_pidfd_send_signal, fd, SIGCONT, 0, 0);
        }
        sys_close((int)fd);
    }
}

uint32_t count_descendants(int root)
{
    walk_below(root);
    return (uint32_t)walk.count;
}

int first_child(int pid)
{
    walk.count = 0;
    visit_children(pid, add, 0);
    return walk.count ? walk.pids[0] : 0;
}

#define NAMED_LENGTH 200

uint32_t name_descendants(int root, char *report, size_t *length, size_t limit)
{
    uint32_t count = 0;
    walk_below(root);
    for (int place = 0; place < walk.count; place++) {
        char path[64];
        int pid = walk.pids[place], is_alive;
        if (parent_of(pid, &is_alive) < 0 || !is_alive)
            continue;
        count++;
        if (*length + 8 + NAMED_LENGTH > limit)
            continue;
        join_path(path, sizeof path, "/proc/", pid, "/cmdline", 0, "");
        uint32_t named = read_file(path, report + *length + 8, NAMED_LENGTH);
        if (!named) { /* it is in the middle of its exec */
            join_path(path, sizeof path, "/proc/", pid, "/comm", 0, "");
            named = read_file(path, report + *length + 8, NAMED_LENGTH);
        }
        int32_t number = pid;
        copy(report + *length, &number, 4);
        copy(report + *length + 4, &named, 4);
        *length += 8 + named;
    }
    return count;
}
