import type { Step } from './session.js';

const HORN = 17;
/** Labels of the first training; half of them for each of two classes. */
const FIRST_LABELS = 28;

/** A robot that learns, alerts, and survives what happens to its camera and its process. */
export const servingSteps: readonly Step[] = [
  {
    title: 'a small backbone is added, and the daemon starts with it',
    isEssential: true,
    async run(session) {
      await session.sh(`
headland models add /host/tiny.onnx --name tiny --normalise '127,127,127/128,128,128'
cp /host/robot.yaml /etc/headland/headland.yaml
headland config check
systemctl restart headland
camera_shows row
message prediction`);
    },
  },
  {
    title: 'labels arrive over MQTT, each with an answer',
    isEssential: true,
    async run(session) {
      const said = await session.sh(`
for n in $(seq ${FIRST_LABELS}); do label $n; done | tee /host/first-labels
[ "$(jq -r .ok /host/first-labels | grep -c true)" = ${FIRST_LABELS} ]`);
      session.note(said.trim().split('\n').at(-1) ?? '');
    },
  },
  {
    title: 'a training is asked for, and its head is promoted',
    isEssential: true,
    async run(session) {
      const report = await session.sh(`
mosquitto_sub -V 5 -W 600 -C 1 -t $robot/training/report >/tmp/report & report=$!
ask retrain '{}' >/dev/null
wait $report
cat /tmp/report
jq -e '.outcome == "promoted"' /tmp/report >/dev/null
wait_until 30 head_is 1`);
      session.note(report);
    },
  },
  {
    title: 'an obstacle raises the line of the horn, and the free row drops it',
    async run(session) {
      await session.sh(`
line_is ${HORN} 0
camera_shows obstacle
wait_until 60 line_is ${HORN} 1
camera_shows row
wait_until 60 line_is ${HORN} 0`);
    },
  },
  {
    title: 'the line falls with the process (kill -9), and the service comes back',
    async run(session) {
      const said = await session.sh(`
camera_shows obstacle
wait_until 60 line_is ${HORN} 1
before=$(main_pid)
# It must fall by itself, not because the next daemon takes it.
systemctl kill --kill-whom=main --signal=KILL headland
killed=$(uptime_s)
wait_until 20 line_is ${HORN} 0
echo "low after $(($(uptime_s) - killed)) s; the next daemon: $(main_pid)"
camera_shows row
wait_until 120 other_main_pid $before
wait_until 120 is_active
message prediction >/dev/null
head_is 1`);
      session.note(said);
    },
  },
  {
    title: 'a camera that is unplugged is reported, and used again when it is back',
    async run(session) {
      const said = await session.sh(`
mosquitto_sub -V 5 -W 300 -t $robot/event >/tmp/events & events=$!
trap 'kill $events' EXIT
echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind
refute test -e /dev/video0
wait_until 120 grep -q '"alarm":"camera-front"' /tmp/events
echo vivid.0 >/sys/bus/platform/drivers/vivid/bind
udevadm settle
camera_shows row
message prediction >/dev/null
wait_until 60 grep -q '"kind":"alarm_cleared"' /tmp/events
jq -r .message /tmp/events
is_active`);
      session.note(said);
    },
  },
  {
    title: 'an event loop that stands still (SIGSTOP) is ended by the watchdog',
    async run(session) {
      session.note(await session.sh(watchdogEnds('kill -STOP $before', ':')));
    },
  },
  {
    title: 'a pipeline that stands still is ended by the watchdog, although the event loop turns',
    async run(session) {
      session.note(
        await session.sh(
          watchdogEnds(
            `
# A debugger holds the thread that classifies, and nothing else of the process.
thread=$(perception_thread $before)
strace -q -e trace=none -p $thread & debugger=$!
wait_until 10 grep -q "^TracerPid:[[:space:]]*$debugger" /proc/$before/task/$thread/status
kill -STOP $debugger`,
            'kill -KILL $debugger',
          ),
        ),
      );
    },
  },
];

/** Raises the horn, brings the daemon to a standstill, and waits for systemd to end it. */
function watchdogEnds(standstill: string, cleanUp: string): string {
  return `
camera_shows obstacle
wait_until 60 line_is ${HORN} 1
before=$(main_pid)
since=$(date +%s)
${standstill}
wait_until 120 watchdog_fired $since
echo "ended by the watchdog after $(($(date +%s) - since)) s"
${cleanUp}
wait_until 90 other_main_pid $before
camera_shows row
wait_until 60 line_is ${HORN} 0
wait_until 120 is_active
message prediction >/dev/null
head_is 1`;
}
