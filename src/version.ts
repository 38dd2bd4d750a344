import { readFileSync } from 'node:fs';
import { packageFile } from './installation.ts';

/** The program's version, as package.json has it. */
export const programVersion = (JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string }).version;
