import type { CommandEntry } from './command-table.js';

/**
 * The commands in the order of the help. What the help needs stands here, and a command is loaded only
 * when it is used: `--help` starts at once, and the daemon saves memory.
 */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'run',
    usage: '[options]',
    summary: 'run the daemon',
    load: async () => (await import('./run/run-command.js')).runCommand(),
  },
  {
    name: 'setup',
    usage: '[options]',
    summary: 'ask for robot, camera, broker, page and outputs, and write the configuration',
    load: async () => (await import('./setup/setup-command.js')).setupCommand(),
  },
  {
    name: 'demo',
    usage: '[options]',
    summary:
      'run a demonstration: real or simulated camera, embedded broker, labels over MQTT, training, web page',
    load: async () => (await import('./demo/demo-command.js')).demoCommand(),
  },
  {
    name: 'import',
    usage: '[options] <dir>',
    summary:
      'import pictures as labelled samples from class folders, with or without train/valid/test splits, or from an export of an annotation tool',
    load: async () => (await import('./samples/import-command.js')).importCommand(),
  },
  {
    name: 'export-samples',
    usage: '[options] <dir>',
    summary: 'export the labelled pictures as class folders, or for an annotation tool',
    load: async () => (await import('./samples/export-command.js')).exportCommand(),
  },
  {
    name: 'map',
    usage: '[options]',
    summary: 'write where labels were seen and given, as GeoJSON or KML',
    load: async () => (await import('./map/map-command.js')).mapCommand(),
  },
  {
    name: 'sync',
    usage: '[options] [status]',
    summary: 'send samples to the configured store or server now, and show what is left',
    load: async () => (await import('./sync-command.js')).syncCommand(),
  },
  {
    name: 'export',
    usage: '[options] <file>',
    summary: 'export backbone and head as one ONNX file or TensorFlow.js model',
    load: async () => (await import('./export-model-command.js')).exportModelCommand(),
  },
  {
    name: 'label',
    usage: '[options] [sample] [label]',
    summary: 'label a stored sample; without arguments, list those that wait for a label',
    load: async () => (await import('./samples/label-command.js')).labelCommand(),
  },
  {
    name: 'classes',
    usage: '',
    summary: 'list the classes; rename, merge or ignore one, and undo that',
    load: async () => (await import('./samples/classes-command.js')).classesCommand(),
  },
  {
    name: 'train',
    usage: '[options]',
    summary: 'train a head on all labels, and promote it if it is better',
    load: async () => (await import('./train-command.js')).trainCommand(),
  },
  {
    name: 'evaluate',
    usage: '[options]',
    summary:
      'evaluate the serving head and write a report: metrics, mistakes, suspect labels, advice',
    load: async () => (await import('./evaluate-command.js')).evaluateCommand(),
  },
  {
    name: 'study',
    usage: '[options] <dir>',
    summary:
      'compare small networks trained from scratch with the frozen backbone on your photos, by cross-validation over groups',
    load: async () => (await import('./study-command.js')).studyCommand(),
  },
  {
    name: 'rollback',
    usage: '[options] [version]',
    summary: 'switch to an older head: the previous one, or the given version',
    load: async () => (await import('./rollback-command.js')).rollbackCommand(),
  },
  {
    name: 'pin',
    usage: '[options] <version|off>',
    summary: 'keep a head serving, whatever trainings find; off ends that',
    load: async () => (await import('./models/pin-command.js')).pinCommand(),
  },
  {
    name: 'models',
    usage: '',
    summary: 'manage backbones and trained heads',
    load: async (words) => (await import('./models/models-command.js')).modelsCommand(words),
  },
  {
    name: 'bench',
    usage: '[options] [name]',
    summary: 'measure how many frames per second this board classifies, and recommend settings',
    load: async () => (await import('./bench/bench-command.js')).benchCommand(),
  },
  {
    name: 'status',
    usage: '[options]',
    summary: 'show the status of the running daemon',
    load: async () => (await import('./status/status-command.js')).statusCommand(),
  },
  {
    name: 'pair',
    usage: '',
    summary:
      'print a link and a QR code that open the page on a phone; list and revoke its sessions',
    load: async () => (await import('./pair/pair-command.js')).pairCommand(),
  },
  {
    name: 'keys',
    usage: '',
    summary: 'make keys that sign commands; trust, list and revoke them',
    load: async () => (await import('./remote/keys-command.js')).keysCommand(),
  },
  {
    name: 'send',
    usage: '[options] <command> [fields]',
    summary: 'send a command to a robot over the broker, signed if you like, and print the answer',
    load: async () => (await import('./remote/send-command.js')).sendCommand(),
  },
  {
    name: 'hold',
    usage: '[options] <holder>',
    summary: 'do not disturb: no training and no other head for a time',
    load: async () => (await import('./remote/hold-command.js')).holdCommand(),
  },
  {
    name: 'release',
    usage: '[options] <holder>',
    summary: 'end the hold of a program',
    load: async () => (await import('./remote/hold-command.js')).releaseCommand(),
  },
  {
    name: 'doctor',
    usage: '[options]',
    summary: 'check configuration, cameras, broker, disk, service and board; changes nothing',
    load: async () => (await import('./doctor/doctor-command.js')).doctorCommand(),
  },
  {
    name: 'audit',
    usage: '[options]',
    summary: 'list the audit log: starts, commands, trainings and changes of the serving head',
    load: async () => (await import('./audit-command.js')).auditCommand(),
  },
  {
    name: 'backup',
    usage: '[options] [file]',
    summary: 'back up labels, samples, heads and history; with a file, pictures too',
    load: async () => (await import('./backup/backup-command.js')).backupCommand(),
  },
  {
    name: 'restore',
    usage: '[options] <file>',
    summary: 'put the state of a backup in the place of the present one, which is kept',
    load: async () => (await import('./backup/restore-command.js')).restoreCommand(),
  },
  {
    name: 'verify',
    usage: '[options] [file]',
    summary: 'check every byte of the database and of backups; repair the database',
    load: async () => (await import('./backup/verify-command.js')).verifyCommand(),
  },
  {
    name: 'alerts',
    usage: '',
    summary: 'try alert rules on recordings',
    load: async () => (await import('./alerts/alerts-command.js')).alertsCommand(),
  },
  {
    name: 'gpio',
    usage: '',
    summary: 'list GPIO lines, and try outputs and inputs',
    load: async () => (await import('./gpio/gpio-command.js')).gpioCommand(),
  },
  {
    name: 'outputs',
    usage: '',
    summary: 'control the GPIO outputs of alerts',
    load: async () => (await import('./alerts/outputs-command.js')).outputsCommand(),
  },
  {
    name: 'fleet',
    usage: '',
    summary: 'learn with other robots: see what is shared, run the hub, watch and steer it',
    load: async (words) => (await import('./fleet/fleet-command.js')).fleetCommand(words),
  },
  {
    name: 'config',
    usage: '',
    summary: 'check, print or describe the configuration',
    load: async () => (await import('./config-command.js')).configCommand(),
  },
];
