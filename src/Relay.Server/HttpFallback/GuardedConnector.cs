using System.Net;
using System.Net.Sockets;

namespace Relay.Server.HttpFallback;

/// <summary>The host has no address that may be called. The message does not name it.</summary>
internal sealed class AddressRefusedException(string message) : Exception(message);

/// <summary>
/// Connects to agents' endpoints: resolves the name itself, and connects to the very addresses that passed the <see cref="AddressRule"/>. There
/// is no second resolution that could answer otherwise. Any thread.
/// </summary>
internal sealed class GuardedConnector(AddressRule rule, TimeProvider time)
{
    /// <summary>A host may have many addresses; only the first of them are tried.</summary>
    private const int MaxTried = 4;

    /// <summary>One address that swallows packets must not cost the time for the others.</summary>
    private static readonly TimeSpan TimeoutOfEach = TimeSpan.FromSeconds(4);

    /// <exception cref="AddressRefusedException">None of its addresses may be called.</exception>
    /// <exception cref="SocketException">The name could not be resolved, or no address answered.</exception>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var (host, port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);
        var isPlain = context.InitialRequestMessage.RequestUri?.Scheme != Uri.UriSchemeHttps;
        var addresses = IPAddress.TryParse(host, out var literal) ? [literal] : await Dns.GetHostAddressesAsync(host, cancellationToken);
        IPAddress[] permitted = [.. addresses.Where(isPlain ? rule.PermitsPlainly : rule.Permits).Take(MaxTried)];
        if (permitted.Length == 0)
        {
            throw new AddressRefusedException(
                isPlain ? "The endpoint's address may only be called with https." : "The endpoint's address is not public and not allowed.");
        }

        for (var i = 0; ; i++)
        {
            try
            {
                return await ConnectAsync(new IPEndPoint(permitted[i], port), cancellationToken);
            }
            catch (Exception exception) when (i < permitted.Length - 1 && exception is SocketException && !cancellationToken.IsCancellationRequested)
            {
                // The next one may answer.
            }
        }
    }

    private async Task<Stream> ConnectAsync(IPEndPoint address, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(TimeoutOfEach, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address, either.Token);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            socket.Dispose();
            throw new SocketException((int)SocketError.TimedOut);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
