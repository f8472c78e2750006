import { Command } from 'commander';
import { addCommands, type CommandEntry } from '../command-table.js';
import { withStateOptions, withTaskOptions } from '../support/state-options.js';

const withJson = (command: Command): Command => command.option('--json', 'print one JSON object');
const ofRobot = (command: Command): Command => withJson(withStateOptions(command));
const ofTask = (command: Command): Command => withJson(withTaskOptions(command));

/** As the commands of the program: one is loaded when it is used. */
export const MODELS_COMMANDS: readonly CommandEntry[] = [
  {
    name: 'list',
    usage: '[options]',
    summary: 'list the model cards and their state in the cache',
    load: async () => ofRobot((await import('./models-list.js')).listCommand()),
  },
  {
    name: 'pull',
    usage: '[options] [name]',
    summary: 'fetch, check and convert a backbone (default: the configured one)',
    load: async () => ofRobot((await import('./models-pull.js')).pullCommand()),
  },
  {
    name: 'verify',
    usage: '[options] [name]',
    summary: 'verify the checksums of cached backbones and the features that they compute',
    load: async () => ofRobot((await import('./models-verify.js')).verifyCommand()),
  },
  {
    name: 'add',
    usage: '[options] <file>',
    summary: 'add a backbone: an ONNX network with one image input, or a bundle',
    load: async () => ofRobot((await import('./models-add.js')).addCommand()),
  },
  {
    name: 'remove',
    usage: '[options] <name>',
    summary: 'remove an added backbone and its 8-bit variant',
    load: async () => ofRobot((await import('./models-add.js')).removeCommand()),
  },
  {
    name: 'bundle',
    usage: '[options] [name] <file>',
    summary: 'write a backbone with its card and licence into one file, for `models add`',
    load: async () => ofRobot((await import('./models-bundle.js')).bundleCommand()),
  },
  {
    name: 'compare',
    usage: '[options] <dir>',
    summary: 'compare backbones on your photos by accuracy, latency and size, and recommend one',
    load: async () => ofRobot((await import('./models-compare.js')).compareCommand()),
  },
  {
    name: 'quantize',
    usage: '[options] [name]',
    summary: 'make an 8-bit version of a backbone, calibrated on stored frames, and compare it',
    load: async () => withJson((await import('./models-quantize.js')).quantizeCommand()),
  },
  {
    name: 'heads',
    usage: '[options]',
    summary: 'list the versions of the trained head',
    load: async () => ofTask((await import('./models-heads.js')).headsCommand()),
  },
  {
    name: 'why',
    usage: '[options] <version>',
    summary: 'explain why the gate promoted or refused a head, with its figures',
    load: async () => ofTask((await import('../why-command.js')).whyCommand()),
  },
];

export async function modelsCommand(words: readonly string[]): Promise<Command> {
  const command = new Command('models');
  await addCommands(command, MODELS_COMMANDS, words);
  return command;
}
