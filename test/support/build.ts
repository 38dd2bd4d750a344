import { execFileSync } from 'node:child_process';

/** Tests of the command line and of whole processes run the built program. */
export default function setup(): void {
  execFileSync('npm', ['run', 'build', '--silent'], { stdio: 'inherit' });
}
