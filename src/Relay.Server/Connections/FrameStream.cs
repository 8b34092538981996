using System.Buffers;
using Microsoft.AspNetCore.Http.Features;
using Relay.Protocol;

namespace Relay.Server.Connections;

/// <summary>
/// The bytes under a WebSocket. While it is corked, what is written is held until it is much or the cork is drawn, so that frames that are
/// ready together cost one send. Reading, writing and flushing, each one at a time.
/// </summary>
internal sealed class FrameStream(Stream inner) : Stream
{
    private const int MostHeldBytes = 32 << 10;

    private PooledBufferWriter? _held;

    /// <summary>Whether more will be written at once. Who corks it uncorks it before the last write.</summary>
    public bool IsCorked { get; set; }

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
        if (!IsCorked && _held is null)
        {
            return inner.WriteAsync(buffer, cancellationToken);
        }

        _held ??= new PooledBufferWriter(2 * buffer.Length);
        _held.Write(buffer.Span);
        return ValueTask.CompletedTask;
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>Of what is not held the server's own streams keep nothing back.</summary>
    public override Task FlushAsync(CancellationToken cancellationToken) =>
        _held is null || (IsCorked && _held.WrittenSpan.Length < MostHeldBytes) ? Task.CompletedTask : SendHeldAsync(cancellationToken);

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

    private async Task SendHeldAsync(CancellationToken cancellationToken)
    {
        using var held = _held!;
        _held = null;
        await inner.WriteAsync(held.WrittenMemory, cancellationToken);
    }
}

/// <summary>Puts a <see cref="FrameStream"/> under each WebSocket, where who accepted it finds it as a feature of the request.</summary>
internal static class FrameStreams
{
    /// <summary>Before the framework's own middleware.</summary>
    public static void UseFrameStreams(this WebApplication app) => app.Use(static next => context =>
    {
        if (context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true } upgrade)
        {
            context.Features.Set<IHttpUpgradeFeature>(new Upgrade(context, upgrade));
        }

        if (context.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true } connect)
        {
            context.Features.Set<IHttpExtendedConnectFeature>(new ExtendedConnect(context, connect));
        }

        return next(context);
    });

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
