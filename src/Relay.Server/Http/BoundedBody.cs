using Microsoft.AspNetCore.Http.Features;
using Relay.Protocol;

namespace Relay.Server.Http;

/// <summary>Reads a request's exact bytes, never more than the limit.</summary>
internal static class BoundedBody
{
    /// <summary>Most bodies fit into this, and are read without a copy. Nobody gets more for an announcement.</summary>
    private const int FirstBytes = 64 << 10;

    /// <returns>The bytes, or that there are more than <paramref name="maxBytes"/>: known from the header before anything is read, if it says so.</returns>
    public static async ValueTask<(byte[] Body, bool TooLarge)> ReadAsync(HttpRequest request, long maxBytes, CancellationToken cancellationToken)
    {
        if (request.ContentLength > maxBytes)
        {
            return ([], true);
        }

        // The limit is ours alone: the framework's own would answer in another shape.
        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = null;
        }

        return request.ContentLength is { } length
            ? await ReadKnownAsync(request, (int)length, cancellationToken)
            : await ReadUnknownAsync(request, maxBytes, cancellationToken);
    }

    /// <summary>What is announced need not come: memory grows with what does, and what a long body begins with is copied once.</summary>
    private static async ValueTask<(byte[] Body, bool TooLarge)> ReadKnownAsync(HttpRequest request, int length, CancellationToken cancellationToken)
    {
        using var begin = length > FirstBytes ? new PooledBufferWriter(FirstBytes) : null;
        for (var next = FirstBytes; begin is not null && 4L * begin.WrittenSpan.Length < length; next = 3 * begin.WrittenSpan.Length)
        {
            await request.Body.ReadExactlyAsync(begin.GetMemory(next)[..next], cancellationToken);
            begin.Advance(next);
        }

        var body = GC.AllocateUninitializedArray<byte>(length);
        var read = begin?.WrittenSpan.Length ?? 0;
        begin?.WrittenSpan.CopyTo(body);
        await request.Body.ReadExactlyAsync(body.AsMemory(read), cancellationToken);
        return (body, false);
    }

    private static async ValueTask<(byte[] Body, bool TooLarge)> ReadUnknownAsync(HttpRequest request, long maxBytes, CancellationToken cancellationToken)
    {
        using var buffer = new PooledBufferWriter(4096);
        while (true)
        {
            var read = await request.Body.ReadAsync(buffer.GetMemory(4096), cancellationToken);
            if (read == 0)
            {
                return (buffer.WrittenSpan.ToArray(), false);
            }

            buffer.Advance(read);
            if (buffer.WrittenSpan.Length > maxBytes)
            {
                return ([], true);
            }
        }
    }
}
