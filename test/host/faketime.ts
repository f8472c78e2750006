import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** libfaketime of the Debian package faketime. */
export const libfaketime = readdirSync('/usr/lib')
  .map((folder) => join('/usr/lib', folder, 'faketime/libfaketime.so.1'))
  .find((path) => existsSync(path));

/** For `test(…, { skip })`: false when programs can be given another clock. */
export const withoutFaketime: string | false =
  libfaketime === undefined && 'faketime is missing: apt-get install faketime';
