import type { Translated } from '../language.js';
import type { frameEn } from './frame.en.js';

export const frameZh: Translated<typeof frameEn> = {
  'shell.skip': '跳到内容',
  'shell.places': '页面',
  'shell.connecting': '正在连接',
  'shell.connected': '已连接',
  'shell.reconnecting': '正在重新连接',
  'shell.locked': '已锁定',
  'shell.loading': '加载中…',
  'shell.colours': '颜色：{theme}',
  'shell.automatic': '自动',
  'shell.light': '浅色',
  'shell.dark': '深色',
  'shell.language': '语言',
  'shell.cancel': '取消',
  'shell.close': '关闭',
  'shell.token': '令牌',
  'shell.open': '打开',
  'shell.unreadable': '无法读取响应。请重新加载页面。',
  'shell.alarms': '{count} 个警报',
};
