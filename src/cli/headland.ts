#!/usr/bin/env node
import { isShort } from './short-commands.js';

/** Both are the same program: the one of main.ts, which `npm run build` also bundles. */
const BUNDLE = '../../commands/main.js';
const MODULES = './main.js';

const program = isShort(process.argv.slice(2)) ? BUNDLE : MODULES;
await import(new URL(program, import.meta.url).href);
