using Microsoft.AspNetCore.Http.Features;
using Relay.Protocol;

namespace Relay.Server.Http;

/// <summary>Reads a request's exact bytes, never more than the limit.</summary>
internal static class BoundedBody
{
    /// <summary>Most bodies fit into this, and are read without a copy.</summary>
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

    /// <summary>What is announced need not come: memory grows with what does.</summary>
    private static async ValueTask<(byte[] Body, bool TooLarge)> ReadKnownAsync(HttpRequest request, int length, CancellationToken cancellationToken)
    {
        var body = GC.AllocateUninitializedArray<byte>(Math.Min(length, FirstBytes));
        await request.Body.ReadExactlyAsync(body, cancellationToken);
        while (body.Length < length)
        {
            var read = body.Length;
            Array.Resize(ref body, (int)Math.Min(length, 4L * read));
            await request.Body.ReadExactlyAsync(body.AsMemory(read), cancellationToken);
        }

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
