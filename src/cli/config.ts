import { configFileName, loadConfig } from '../config.ts';
import { print, printJson } from './output.ts';

/** Settings that are never shown. */
const secretSettings = ['admin_key'];

/** `raida-node config check`: is the configuration understood? */
export function configCheck(directory: string): void {
  loadConfig(directory, process.env);
  print(`${configFileName} in ${directory} is understood\n`);
}

/** `raida-node config dump`: what is in force, with defaults, secrets left out. */
export function configDump(directory: string, asJson: boolean): void {
  const config = Object.fromEntries(
    Object.entries(loadConfig(directory, process.env)).map(([section, table]) => [section, redacted(table)]),
  );
  if (asJson) {
    printJson(config);
    return;
  }
  for (const [section, table] of Object.entries(config)) {
    print(`[${section}]\n`);
    for (const [key, value] of Object.entries(table)) print(`${key} = ${JSON.stringify(value)}\n`);
    print('\n');
  }
}

function redacted(table: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(table)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, secretSettings.includes(key) ? '[secret]' : value]),
  );
}
