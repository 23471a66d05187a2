"""Evidence that does not ship: papers reproduced, peers compared, speed measured, errata shown."""
