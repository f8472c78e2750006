import { join } from 'node:path';
import ts from 'typescript';

/** Compiles single sources of a repository after they were changed, types included. */
export class Compiler {
  readonly #repository: string;
  readonly #options: ts.CompilerOptions;
  readonly #service: ts.LanguageService;
  /** Changed sources by path, each with the number of its last change. */
  readonly #changed = new Map<string, { text: string | null; version: number }>();

  /** @throws Error when tsconfig.node.json cannot be read */
  constructor(repository: string) {
    this.#repository = repository;
    const { config, error } = ts.readConfigFile(
      join(repository, 'tsconfig.node.json'),
      ts.sys.readFile,
    );
    if (error) throw new Error(inWords([error]));
    const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, repository);
    this.#options = {
      ...options,
      // A mutant may well leave a name without use.
      noUnusedLocals: false,
      noUnusedParameters: false,
      incremental: false,
    };
    this.#service = ts.createLanguageService({
      getCompilationSettings: () => this.#options,
      getScriptFileNames: () => [...this.#changed.keys()],
      getScriptVersion: (path) => String(this.#changed.get(path)?.version ?? 0),
      getScriptSnapshot: (path) => {
        const text = this.#changed.get(path)?.text ?? ts.sys.readFile(path);
        return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
      },
      getCurrentDirectory: () => repository,
      getDefaultLibFileName: ts.getDefaultLibFilePath,
      fileExists: ts.sys.fileExists,
      readFile: ts.sys.readFile,
      directoryExists: ts.sys.directoryExists,
      getDirectories: ts.sys.getDirectories,
    });
  }

  /**
   * The JavaScript of a source with this text; all other sources are as they lie on the disk.
   *
   * @param file from the root of the repository
   * @throws Error in the words of the compiler when it has an error
   */
  compile(file: string, text: string): string {
    const path = join(this.#repository, file);
    this.#set(path, text);
    const problems = [
      ...this.#service.getSyntacticDiagnostics(path),
      ...this.#service.getSemanticDiagnostics(path),
    ];
    this.#set(path, null);
    if (problems.length > 0) throw new Error(inWords(problems));
    return ts.transpileModule(text, {
      fileName: path,
      // With NodeNext it would look for a package.json that says which kind of module this is.
      compilerOptions: { ...this.#options, module: ts.ModuleKind.ESNext, sourceMap: false },
    }).outputText;
  }

  #set(path: string, text: string | null): void {
    this.#changed.set(path, { text, version: (this.#changed.get(path)?.version ?? 0) + 1 });
  }
}

function inWords(problems: readonly ts.Diagnostic[]): string {
  return problems
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))
    .join('; ');
}
