using System.Net.Sockets;

namespace Relay.Bench.Measuring;

/// <summary>Asks a .NET process how much it has allocated: see <c>Relay.Bench.Hook</c>, which answers there.</summary>
internal sealed class Allocations
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"relay-bench-{Guid.CreateVersion7():n}.sock");

    /// <summary>What the process is started with.</summary>
    public IEnumerable<(string, string)> Environment =>
        [("DOTNET_STARTUP_HOOKS", Path.Combine(AppContext.BaseDirectory, "hook", "Relay.Bench.Hook.dll")), ("RELAY_BENCH_ALLOCATED", _path)];

    /// <summary>Since its start.</summary>
    /// <param name="collect">Whether its garbage is collected before, and the memory given back.</param>
    public long Read(bool collect = false)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(_path));
        socket.Send([collect ? (byte)1 : (byte)0]);
        Span<byte> answer = stackalloc byte[sizeof(long)];
        for (var length = 0; length < answer.Length;)
        {
            var received = socket.Receive(answer[length..]);
            length += received > 0 ? received : throw new InvalidOperationException("The process did not say what it has allocated.");
        }

        return BitConverter.ToInt64(answer);
    }

    public void Forget() => File.Delete(_path);
}
