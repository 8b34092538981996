using System.Net.Sockets;

/// <summary>
/// Runs in every .NET process that the bench measures, before its own code (<c>DOTNET_STARTUP_HOOKS</c>): tells whoever connects to the
/// socket in <c>RELAY_BENCH_ALLOCATED</c> and sends a byte how many bytes have been allocated until now, as eight bytes, little-endian. If the
/// byte is 1, what is garbage is collected before, and its memory given back.
/// </summary>
internal static class StartupHook
{
    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable("RELAY_BENCH_ALLOCATED") is { } path)
        {
            var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            listener.Bind(new UnixDomainSocketEndPoint(path));
            listener.Listen();
            new Thread(() => Serve(listener)) { IsBackground = true, Name = "bench" }.Start();
        }
    }

    private static void Serve(Socket listener)
    {
        while (true)
        {
            using var asked = listener.Accept();
            var wish = new byte[1];
            asked.Receive(wish);
            if (wish[0] == 1)
            {
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            }

            var answer = BitConverter.GetBytes(GC.GetTotalAllocatedBytes(precise: true));
            asked.Send(answer);
        }
    }
}
