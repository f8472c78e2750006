/**
 * Files that systems, cameras and programs write beside a person's images for their own use. Every
 * walk through folders uses this list; such files are neither images nor worth a message.
 */
const LEFTOVER_NAMES: ReadonlySet<string> = new Set([
  // Synology, QNAP and other network disks
  '@eadir',
  '@tmp',
  '@recycle',
  '@recently-snapshot',
  '@sharebin',
  '@syno',
  '#recycle',
  '#snapshot',
  'network trash folder',
  'temporary items',
  // macOS
  '__macosx',
  'icon\r',
  // Windows
  'thumbs.db',
  'thumbs.db:encryptable',
  'ehthumbs.db',
  'ehthumbs_vista.db',
  'desktop.ini',
  'autorun.inf',
  '$recycle.bin',
  'recycler',
  'recycled',
  'system volume information',
  'msocache',
  'wpsettings.dat',
  'indexervolumeguid',
  'zbthumbnail.info',
  'picasa.ini',
  // Linux and Android
  'lost+found',
  'lost.dir',
  'android_secure',
  // programs
  '__pycache__',
  'node_modules',
]);
const LEFTOVER_PATTERNS: readonly RegExp[] = [
  // hidden, as .DS_Store, ._photo.jpg, .thumbnails, .Trash-1000, .ipynb_checkpoints, .git
  /^\./,
  // half-made thumbnails, recovered and locked files, backups of editors
  /^syno(file|photo)_thumb/i,
  /^found\.\d{3}$/i,
  /^~\$/,
  /~$/,
];

/** Whether a file or folder name is one of them. */
export function isLeftover(name: string): boolean {
  return (
    LEFTOVER_NAMES.has(name.toLowerCase()) ||
    LEFTOVER_PATTERNS.some((pattern) => pattern.test(name))
  );
}
