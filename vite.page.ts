import { defineConfig, type UserConfig } from 'vite';

/**
 * How a page is built.
 * @param root folder of its index.html, from the root of the project
 * @param outDir the built page, from `root`
 */
export function pageConfig(root: string, outDir: string): UserConfig {
  return defineConfig({
    root,
    // Relative addresses inside the page, as its own requests are.
    base: './',
    publicDir: false,
    logLevel: 'warn',
    build: {
      outDir,
      emptyOutDir: true,
      // The Content-Security-Policy of the page allows only files.
      assetsInlineLimit: 0,
      modulePreload: false,
      reportCompressedSize: false,
      license: { fileName: 'licences.md' },
    },
  });
}
