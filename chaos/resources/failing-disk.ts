import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * While the file `CHAOS_DISK_SWITCH` exists, every write below `CHAOS_DISK_FOLDER` fails with EIO, or, with
 * `CHAOS_DISK_FLUSH_SECONDS`, every flush takes so long, or, with `CHAOS_DISK_LIES`, zeros are written instead.
 */
const SOURCE = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int fails(int fd) {
  const char *off = getenv("CHAOS_DISK_SWITCH");
  const char *folder = getenv("CHAOS_DISK_FOLDER");
  if (!off || !folder || access(off, F_OK) != 0) return 0;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return 0;
  path[size] = 0;
  return strncmp(path, folder, strlen(folder)) == 0;
}

#define NEXT(type, name, ...) ((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))
#define FAIL(fd) if (fails(fd) && !getenv("CHAOS_DISK_FLUSH_SECONDS") && !getenv("CHAOS_DISK_LIES")) { \\
  errno = EIO; \\
  return -1; \\
}
#define LIE(fd) if (getenv("CHAOS_DISK_LIES") && fails(fd)) data = calloc(1, size);
#define SLOW(fd) if (fails(fd)) { \\
  const char *seconds = getenv("CHAOS_DISK_FLUSH_SECONDS"); \\
  if (!seconds && !getenv("CHAOS_DISK_LIES")) { errno = EIO; return -1; } \\
  if (seconds) sleep(atoi(seconds)); \\
}

ssize_t write(int fd, const void *data, size_t size) {
  FAIL(fd) LIE(fd) return NEXT(ssize_t, write, int, const void *, size_t)(fd, data, size);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
  FAIL(fd) LIE(fd) return NEXT(ssize_t, pwrite, int, const void *, size_t, off_t)(fd, data, size, at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
  FAIL(fd) LIE(fd) return NEXT(ssize_t, pwrite64, int, const void *, size_t, off64_t)(fd, data, size, at);
}
int fsync(int fd) { SLOW(fd) return NEXT(int, fsync, int)(fd); }
int fdatasync(int fd) { SLOW(fd) return NEXT(int, fdatasync, int)(fd); }
int ftruncate(int fd, off_t size) { FAIL(fd) return NEXT(int, ftruncate, int, off_t)(fd, size); }
int ftruncate64(int fd, off64_t size) { FAIL(fd) return NEXT(int, ftruncate64, int, off64_t)(fd, size); }
`;

/** A disk below a folder that a program believes in. */
export interface FailingDisk {
  /** What the program is started with. */
  env: NodeJS.ProcessEnv;
  begin(): void;
  end(): void;
}

/**
 * Makes one, with its library in `dir`.
 * @param folder whose writes fail, once it has begun
 * @param how another fault than EIO, as variables of the library
 * @returns null where there is no compiler
 */
export function failingDisk(
  dir: string,
  folder: string,
  how: NodeJS.ProcessEnv = {},
): FailingDisk | null {
  const library = builtIn(dir);
  if (library === null) return null;
  const fails = join(dir, 'disk-fails');
  return {
    env: { LD_PRELOAD: library, CHAOS_DISK_SWITCH: fails, CHAOS_DISK_FOLDER: folder, ...how },
    begin: () => writeFileSync(fails, ''),
    end: () => rmSync(fails),
  };
}

/** @returns path of the library; null where there is no compiler */
function builtIn(dir: string): string | null {
  const source = join(dir, 'failing-disk.c');
  const library = join(dir, 'failing-disk.so');
  writeFileSync(source, SOURCE);
  const options = ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'];
  return spawnSync('gcc', options).status === 0 ? library : null;
}
