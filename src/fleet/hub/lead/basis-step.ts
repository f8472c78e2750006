import { sha256Hex } from '../../../base/hash.js';
import { IDENTITY } from '../../../head/sums/basis.js';
import { decodeMoment } from '../../contract/moment-codec.js';
import type { HubTables } from '../store/hub-store.js';
import { BY_HUB } from '../store/tables/audit-rows.js';
import { FOR_ALL } from '../store/tables/object-rows.js';
import type { ScopeRow } from '../store/tables/scope-rows.js';
import { type LeadContext, leading } from './lead-context.js';

/** Fixes the basis of a task that has none, when enough samples are in the moments of robots. */
export async function fixBasis(
  context: LeadContext,
  scope: ScopeRow,
  nowMs: number,
): Promise<void> {
  const { basisDirections, basisMinSamples } = context.config.learning;
  if (basisDirections === 'all' || basisDirections >= scope.featureSize) {
    await leading(context, (tables) =>
      setBasis(
        tables,
        scope,
        { checksum: IDENTITY, bytes: null, directions: scope.featureSize },
        nowMs,
        0,
      ),
    );
    return;
  }
  const used = await leading(context, (tables) => tables.contributions.used(scope.id, 'moment'));
  const samples = used.reduce((sum, each) => sum + each.samples, 0);
  if (used.length === 0 || samples < basisMinSamples) return;
  const { featureSize } = scope;
  const moment = new Float64Array((featureSize * (featureSize + 1)) / 2);
  for (const { robot } of used) {
    const bytes = await leading(context, (tables) =>
      tables.contributions.bytes(scope.id, robot, 'moment'),
    );
    if (bytes === null) continue;
    for (const [i, value] of decodeMoment(bytes).values.entries()) {
      moment[i] = (moment[i] ?? 0) + value;
    }
  }
  const basis = await context.thread.call('basis', {
    moment,
    featureSize,
    directions: basisDirections,
  });
  await leading(context, (tables) =>
    setBasis(tables, scope, basis, nowMs, samples, context.config.limits.chunkBytes),
  );
  context.log.info({ task: scope.task, samples, robots: used.length }, 'the basis is fixed');
}

async function setBasis(
  tables: HubTables,
  scope: ScopeRow,
  {
    checksum,
    bytes,
    directions,
  }: { checksum: string; bytes: Uint8Array | null; directions: number },
  atMs: number,
  samples: number,
  chunkBytes = 1,
): Promise<void> {
  const locked = await tables.scopes.lock(scope.id);
  if (locked === null || locked.basisChecksum !== null) return;
  const object = bytes === null ? null : sha256Hex(bytes);
  if (bytes !== null && object !== null) {
    await tables.objects.put({
      object,
      robot: FOR_ALL,
      kind: 'basis',
      scope: scope.id,
      purpose: 0,
      chunkBytes,
      bytes,
      atMs,
    });
  }
  await tables.scopes.setBasis(scope.id, { checksum, object, directions, atMs });
  // They have served their purpose, and are large.
  await tables.contributions.removeKind(scope.id, 'moment');
  await tables.robots.touch(null);
  await tables.audit.add({
    atMs,
    by: BY_HUB,
    action: 'basis-fixed',
    robot: null,
    task: scope.task,
    detail: { basis: checksum, directions, samples },
  });
}

/** Forgets the basis of a task with all sums in it; robots send moments, then sums again. */
export async function renewBasis(tables: HubTables, scopeId: number): Promise<void> {
  await tables.scopes.lock(scopeId);
  await tables.scopes.setBasis(scopeId, null);
  await tables.contributions.removeKind(scopeId, 'sums');
  await tables.contributions.removeKind(scopeId, 'moment');
  await tables.merged.clear(scopeId);
  await tables.robots.touch(null);
}
