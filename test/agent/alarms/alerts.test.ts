import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { needsTool } from '../../camera/support.js';
import { fileAppears } from '../../file-appears.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { Mosquitto, withoutMosquitto } from '../../telemetry/mosquitto.js';
import { headland, Person, Rig } from '../daemon.js';

/** Raised by every frame of a robot without a head, and held for good. */
const ANY = { labels: ['unknown'], matches: 1, ofFrames: 1, holdMs: 3_600_000 };

describe('the alerts of a daemon', { skip: withoutMosquitto, timeout: TEST_HANG_MS }, () => {
  test('keep sample and clip, start a program, and are acknowledged over MQTT', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    if (!needsTool(t, 'ffprobe')) return;
    const broker = await Mosquitto.start(t);
    const rig = await Rig.create(t);
    const told = join(rig.dir, 'told');
    const facts = '$HEADLAND_LABEL $HEADLAND_SAMPLE $HEADLAND_CLIP';
    const script = `echo "${facts}" > ${told}.new && mv ${told}.new ${told}`;
    rig.configure({
      mqtt: { url: broker.url },
      alerts: {
        rules: [
          {
            ...ANY,
            name: 'strange',
            snapshot: true,
            clip: { beforeSeconds: 1, afterSeconds: 1 },
            command: { path: '/bin/sh', arguments: ['-c', script] },
          },
          { ...ANY, name: 'other' },
        ],
      },
    });
    // The alert is raised once, by the first frame.
    const person = await Person.listen(t, broker.url);
    const daemon = await rig.start();
    const { body: raised } = await person.until(
      ({ body }) => body.kind === 'alert_raised' && body.details.rule === 'strange',
    );
    const { sample_id: sample, clip } = raised.details;
    const { body: saved } = await person.until(({ body }) => body.kind === 'clip_saved');
    assert.equal(saved.details.clip, clip);
    const file = join(rig.dir, 'state', 'clips', clip);
    const { stdout } = spawnSync('ffprobe', [
      ...'-v error -count_frames -of csv=p=0 -show_entries stream=codec_name,nb_read_frames'.split(
        ' ',
      ),
      file,
    ]);
    assert.equal(stdout.toString().trim(), `mjpeg,${saved.details.frames}`);
    await fileAppears(told);
    assert.equal(readFileSync(told, 'utf8').trim(), `unknown ${sample} ${file}`);
    const asked = person.received.find(({ body }) => body.kind === 'label_requested');
    assert.equal(asked?.body.details.sample_id, sample);
    const labelled = await person.command('label', { sample, label: 'weed' });
    assert.equal(labelled.ok, true, JSON.stringify(labelled));

    const { data } = await person.command('acknowledge_alerts', { rule: 'strange' });
    assert.deepEqual(
      data.acknowledged.map(({ rule }: { rule: string }) => rule),
      ['strange'],
    );
    const { body: event } = await person.until(({ body }) => body.kind === 'alert_acknowledged');
    assert.equal(event.details.rule, 'strange');
    const status = await person.command('status');
    const alerts = status.data.alerts.map(
      ({ rule, acknowledged }: { rule: string; acknowledged: boolean }) => [rule, acknowledged],
    );
    assert.deepEqual(alerts, [
      ['strange', true],
      ['other', false],
    ]);
    await daemon.stop();
    await person.until(
      ({ body }) => body.kind === 'alert_cleared' && body.details.rule === 'strange',
    );
    assert.ok(existsSync(file));
    const audit = headland('audit', '--config', rig.configFile, '--json').stdout;
    assert.match(audit, /acknowledge_alerts/);
  });
});
