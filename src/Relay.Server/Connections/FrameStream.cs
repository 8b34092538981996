using System.Buffers;
using Microsoft.AspNetCore.Http.Features;
using Relay.Protocol;

namespace Relay.Server.Connections;

/// <summary>
/// The bytes under a WebSocket. While it is corked, what is written is held until it is much or the cork is drawn, so that frames that are
/// ready together cost one send. Reads one at a time; writes too, except <see cref="UncorkAsync"/>.
/// </summary>
internal sealed class FrameStream(Stream inner) : Stream
{
    private const int MostHeldBytes = 32 << 10;

    private readonly Lock _gate = new();
    private PooledBufferWriter? _held;
    private volatile bool _isCorked;

    /// <summary>Whether more will be written at once. Who corks it uncorks it before the last write.</summary>
    public bool IsCorked
    {
        get => _isCorked;
        set => _isCorked = value;
    }

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer, cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        inner.ReadAsync(buffer, offset, count, cancellationToken);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            if (_held is not null || (_isCorked && buffer.Length < MostHeldBytes))
            {
                _held ??= new PooledBufferWriter(2 * buffer.Length);
                _held.Write(buffer.Span);
                return ValueTask.CompletedTask;
            }
        }

        return inner.WriteAsync(buffer, cancellationToken);
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>Of what is not held the server's own streams keep nothing back.</summary>
    public override Task FlushAsync(CancellationToken cancellationToken)
    {
        PooledBufferWriter held;
        lock (_gate)
        {
            if (_held is null || (_isCorked && _held.WrittenSpan.Length < MostHeldBytes))
            {
                return Task.CompletedTask;
            }

            (held, _held) = (_held, null);
        }

        return SendAsync(held, cancellationToken);
    }

    /// <summary>Sends what is held, the framework's own close frame perhaps among it: nothing more will be written by who corked it.</summary>
    public Task UncorkAsync()
    {
        IsCorked = false;
        return FlushAsync(CancellationToken.None);
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private async Task SendAsync(PooledBufferWriter held, CancellationToken cancellationToken)
    {
        using var _ = held;
        await inner.WriteAsync(held.WrittenMemory, cancellationToken);
    }
}

/// <summary>Puts a <see cref="FrameStream"/> under each WebSocket, where who accepted it finds it as a feature of the request.</summary>
internal static class FrameStreams
{
    /// <summary>Before the framework's own middleware looks at the request.</summary>
    /// <returns>Whether it may become a WebSocket.</returns>
    public static bool TryPrepare(HttpContext context)
    {
        if (context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true } upgrade)
        {
            context.Features.Set<IHttpUpgradeFeature>(new Upgrade(context, upgrade));
            return true;
        }

        if (context.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true } connect)
        {
            context.Features.Set<IHttpExtendedConnectFeature>(new ExtendedConnect(context, connect));
            return true;
        }

        return false;
    }

    private static FrameStream Wrap(HttpContext context, Stream stream)
    {
        var wrapped = new FrameStream(stream);
        context.Features.Set(wrapped);
        return wrapped;
    }

    /// <summary>RFC 6455, over HTTP/1.1.</summary>
    private sealed class Upgrade(HttpContext context, IHttpUpgradeFeature inner) : IHttpUpgradeFeature
    {
        public bool IsUpgradableRequest => true;

        public async Task<Stream> UpgradeAsync() => Wrap(context, await inner.UpgradeAsync());
    }

    /// <summary>RFC 8441, over HTTP/2.</summary>
    private sealed class ExtendedConnect(HttpContext context, IHttpExtendedConnectFeature inner) : IHttpExtendedConnectFeature
    {
        public bool IsExtendedConnect => true;

        public string? Protocol => inner.Protocol;

        public async ValueTask<Stream> AcceptAsync() => Wrap(context, await inner.AcceptAsync());
    }
}
