import { readings } from '../../../host/board-readings.js';
import { boardHot, slowedByHeat, underVoltage } from '../../care/board-faults.js';
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
  if (throttled?.underVoltage) findings.push(warning(underVoltage(), { facts }));
  const isHot = temperatureC !== null && temperatureC >= slowAboveC;
  if (isHot || slowedByHeat({ throttled })) {
    findings.push(warning(boardHot({ temperatureC, throttled }, slowAboveC), { facts }));
  }
  const throttling = throttled === null ? 'throttling unknown' : 'not throttled';
  return findings.length > 0 ? findings : [ok(`${shown}, ${throttling}`, { facts })];
}
