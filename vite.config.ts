import { defineConfig } from 'vite';

/** The console's page: src/console/page becomes dist/page, which src/console/server serves. */
export default defineConfig({
  root: 'src/console/page',
  // Relative addresses inside the page, as its own requests are.
  base: './',
  publicDir: false,
  logLevel: 'warn',
  build: {
    outDir: '../../../dist/page',
    emptyOutDir: true,
    // The page's Content-Security-Policy allows only files.
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
    license: { fileName: 'licences.md' },
  },
});
