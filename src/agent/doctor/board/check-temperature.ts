import { HeadlandError } from '../../../base/errors.js';
import { readings } from '../../../host/board-readings.js';
import { type Finding, ok, type RobotContext, skipped, warning } from '../doctor-check.js';

/** Heat, throttling and supply, now. */
export async function checkTemperature({ config, roots }: RobotContext): Promise<Finding[]> {
  const { temperatureC, throttled } = readings({ procRoot: roots.proc, sysRoot: roots.sys });
  if (temperatureC === null && throttled === null) {
    return [skipped('this board reports no temperature')];
  }
  const { slowAboveC } = config.board;
  const facts = { temperatureC, throttled };
  const findings: Finding[] = [];
  const shown = temperatureC === null ? 'unknown temperature' : `${temperatureC.toFixed(1)} °C`;
  if (throttled?.underVoltage) {
    const error = new HeadlandError('HL_DOCTOR_UNDER_VOLTAGE', 'the supply voltage is too low', {
      remedy:
        'Use the power supply of the board, a shorter and thicker cable, and a hub with its own supply for cameras.',
    });
    findings.push(warning(error, { facts }));
  }
  const isHot = temperatureC !== null && temperatureC >= slowAboveC;
  if (isHot || throttled?.slowed) {
    const slowed = throttled?.slowed ? ', and the processor is throttled' : '';
    const error = new HeadlandError('HL_DOCTOR_HOT', `the board has ${shown}${slowed}`, {
      remedy:
        'Shade and ventilate the board, or fit a heat sink. The daemon takes fewer frames from board.slowAboveC on.',
    });
    findings.push(warning(error, { facts }));
  }
  const throttling = throttled === null ? 'throttling unknown' : 'not throttled';
  return findings.length > 0 ? findings : [ok(`${shown}, ${throttling}`, { facts })];
}
