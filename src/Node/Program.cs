return JumpingVpn.Node.Cli.CommandLine.Run(args);
