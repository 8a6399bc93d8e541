Console.WriteLine("jumping-vpn");
