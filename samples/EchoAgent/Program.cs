Console.WriteLine("Relay");
