return JumpingVpn.Replay.CommandLine.Run(args);
