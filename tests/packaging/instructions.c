/* Counts the instructions that a program under qemu-user executes, all threads together, while it runs.

       gcc -shared -fPIC -O2 -o instructions.so instructions.c
       qemu-aarch64 -plugin ./instructions.so,count=FILE PROGRAM …

   FILE holds the count so far: 8 bytes, little endian. What is used of qemu's plugin interface is declared here,
   for Debian has no header of it; it is version 1, of qemu 4.2 to 8.2. */

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct qemu_plugin_tb;
typedef void (*translated)(uint64_t id, struct qemu_plugin_tb *block);
extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, translated callback);
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int add_u64, void *to, uint64_t n);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

static uint64_t *count;

static void count_block(uint64_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(block, 0, count, qemu_plugin_tb_n_insns(block));
}

__attribute__((visibility("default"))) int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info;
    if (argc != 1 || strncmp(argv[0], "count=", 6) != 0)
        return 1;
    int file = open(argv[0] + 6, O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (file < 0 || ftruncate(file, sizeof *count) < 0)
        return 1;
    count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (count == MAP_FAILED)
        return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, count_block);
    return 0;
}
