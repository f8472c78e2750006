import { messageOf } from '../../base/errors.js';
import { eyeOf, eyesOf } from '../../base/words/eye.js';
import { decidesOn } from '../../base/words/task.js';
import type { ConsoleEvent, ConsoleSource, ConsoleSources } from '../../console/console-source.js';
import { scaleDown } from '../../vision/scale-down.js';
import { mediaTypeOf } from '../../vision/sniff.js';
import { chosenTask } from '../open-state.js';
import { undecidedBy } from '../operations.js';
import type { RobotTask } from '../robot-task.js';
import type { RecentFrame } from '../seeing/recent-frames.js';
import { agentStatus, trainingStatus } from '../status.js';
import type { AgentView } from '../view.js';
import { brainHandlers } from './brain-handlers.js';
import { consoleStatus, frameSummary, trainingState } from './console-status.js';
import { liveHandlers } from './live-handlers.js';
import { picturesHandlers } from './pictures-handlers.js';
import { robotHandlers } from './robot-handlers.js';
import { teachHandlers } from './teach-handlers.js';

/** Adapts the daemon to the interface of the web page. */
export function consoleSources(agent: AgentView): ConsoleSources {
  const byTask = new Map(agent.tasks.map((task) => [task, consoleSource(agent, task)]));
  return (name = agent.tasks[0].name) => byTask.get(chosenTask(agent.tasks, name))!;
}

/** One task of the daemon. */
function consoleSource(agent: AgentView, task: RobotTask): ConsoleSource {
  const { name, state } = task;
  return {
    status: () => consoleStatus(agentStatus(agent), name),
    latest(camera) {
      checkDecides(agent, task, camera);
      const recent = agent.recent.latest(camera, name);
      if (!recent) return null;
      const bytes = recent.frame.jpeg;
      return { ...frameSummary(recent, name), picture: { mediaType: mediaTypeOf(bytes), bytes } };
    },
    scaled: ({ bytes }, widthPx) => scaleDown(bytes, widthPx),
    handlers: {
      ...liveHandlers(agent, task),
      ...teachHandlers(agent, task),
      ...picturesHandlers(agent, task),
      ...brainHandlers(agent, task),
      ...robotHandlers(agent),
    },
    subscribe(listener: (event: ConsoleEvent) => void) {
      /** A failure to notify a page must not affect the daemon. */
      const notify = (event: () => ConsoleEvent): void => {
        try {
          listener(event());
        } catch (error) {
          agent.options.log.error({ err: messageOf(error) }, 'cannot notify the page');
        }
      };
      const onDecision = (recent: RecentFrame): void => {
        if (!decidesOn(state, recent.frame)) return;
        notify(() => ({ type: 'decision', data: frameSummary(recent, name) }));
      };
      const onTraining = (trained: string): void => {
        if (trained !== name) return;
        notify(() => ({ type: 'training', data: trainingState(trainingStatus(agent, task)) }));
      };
      const onReport = (trained: { task: string }): void => onTraining(trained.task);
      const onStatus = (): void => notify(() => ({ type: 'status' }));
      agent.on('decision', onDecision);
      agent.on('trainingProgress', onTraining);
      agent.on('trainingReport', onReport);
      agent.on('head', onStatus);
      agent.on('status', onStatus);
      return () => {
        agent.off('decision', onDecision);
        agent.off('trainingProgress', onTraining);
        agent.off('trainingReport', onReport);
        agent.off('head', onStatus);
        agent.off('status', onStatus);
      };
    },
  };
}

/** @throws HeadlandError HL_TASK_UNKNOWN when the task does not decide on this camera or region */
function checkDecides(agent: AgentView, task: RobotTask, camera: string | undefined): void {
  const eyes = agent.cameras.flatMap(({ config }) => eyesOf(config));
  const eye = eyes.find((each) => eyeOf(each) === camera);
  if (!eye || decidesOn(task.state, eye)) return;
  const deciding = agent.tasks.filter((each) => decidesOn(each.state, eye));
  throw undecidedBy(
    task.name,
    eyeOf(eye),
    deciding.map((each) => each.name),
  );
}
