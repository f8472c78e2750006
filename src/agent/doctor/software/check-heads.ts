import { readCachedModel } from '../../../backbone/cache.js';
import { loadCard } from '../../../backbone/card-folders.js';
import { featureChecksum } from '../../../backbone/embedder.js';
import { HeadlandError, isHeadlandError, messageOf } from '../../../base/errors.js';
import { isFileError } from '../../../base/files/file-problem.js';
import type { Config } from '../../../config/schema.js';
import { tasksOf } from '../../../config/tasks-of.js';
import { findHeadsFolder } from '../../../registry/heads-folder.js';
import { HeadRegistry } from '../../../registry/registry.js';
import { addedCardsDir } from '../../seeing/perception-settings.js';
import { findingOf } from '../denied.js';
import { type Finding, failed, ok, type RobotContext } from '../doctor-check.js';

/** Which head serves each task, whether it is undamaged, and whether it fits the backbone. */
export async function checkHeads(context: RobotContext): Promise<Finding[]> {
  const { config } = context;
  const backbone = await checksumInCache(config);
  const findings: Finding[] = [];
  for (const { name, settings } of tasksOf(config)) {
    const subject = config.tasks.length > 0 ? { subject: name } : {};
    try {
      const dir = findHeadsFolder(config.paths.stateDir, name);
      const heads = new HeadRegistry(dir, { keep: settings.heads.keep });
      const finding = await checkHead(heads, settings, backbone);
      findings.push({ ...finding, subject: subject.subject ?? null });
    } catch (error) {
      findings.push(await findingOf(headError(error), context, subject.subject));
    }
  }
  return findings;
}

async function checkHead(
  heads: HeadRegistry,
  { inference, models }: Config,
  backbone: string | null,
): Promise<Finding> {
  const version = await heads.current();
  if (version === null) {
    const newest = await heads.newest();
    return ok(newest === null ? 'no head yet' : 'no head has been promoted yet');
  }
  const { head, card } = await heads.load(version);
  const facts = { version, backbone: card.backbone.name, labels: head.labels };
  const running = backbone === null ? null : featureChecksum(backbone, inference.fit);
  if (running !== null && head.backboneChecksum !== running) {
    return failed(
      new HeadlandError(
        'HL_HEAD_BACKBONE_MISMATCH',
        `head ${version} was trained on backbone ${card.backbone.name} (${card.backbone.checksum.slice(0, 12)}…), not on the ${models.backbone} in the cache`,
        {
          remedy: `Train again (\`headland train\`), or set models.backbone back to ${card.backbone.name}.`,
        },
      ),
      { facts },
    );
  }
  const fits = running === null ? 'its backbone is not in the cache' : 'it fits the backbone';
  return ok(
    `head ${version} serves: it is intact, ${fits}, and it knows ${head.labels.join(', ')}`,
    { facts },
  );
}

/** Checksum of the configured backbone; null: it is not in the cache, which another check reports. */
async function checksumInCache(config: Config): Promise<string | null> {
  const { models, paths } = config;
  try {
    const card = await loadCard(models.backbone, models.cardsDir, addedCardsDir(config));
    return (await readCachedModel(card, paths.cacheDir)).checksum;
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
    return null;
  }
}

function headError(error: unknown): HeadlandError {
  if (isHeadlandError(error)) return error;
  if (!isFileError(error)) throw error;
  return new HeadlandError('HL_HEAD_UNREADABLE', `the heads cannot be read: ${messageOf(error)}`, {
    remedy:
      'Give the user of the daemon read access to paths.stateDir, then run `headland rollback VERSION`.',
    cause: error,
  });
}
