using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;

namespace Relay.Server.Http;

/// <summary>
/// What one connection may cost before a line of ours runs. Who breaks these is answered by Kestrel itself, without a body, or cut off.
/// </summary>
internal sealed class KestrelLimits(IOptions<HttpOptions> http) : IConfigureOptions<KestrelServerOptions>
{
    public void Configure(KestrelServerOptions options)
    {
        options.AddServerHeader = false;
        options.RequestHeaderEncodingSelector = static _ => Encoding.Latin1; // See HeaderText.

        var (limits, ours) = (options.Limits, http.Value);

        // Slow-loris: headers, then the body, a byte now and then. 240 B/s is slower than any modem, and keeps a 1 MiB body under 75 minutes.
        limits.RequestHeadersTimeout = ours.HeadersTimeout;
        limits.MinRequestBodyDataRate = new MinDataRate(ours.MinBytesPerSecond, ours.SlowFor);
        limits.MinResponseDataRate = new MinDataRate(ours.MinBytesPerSecond, ours.SlowFor);
        limits.KeepAliveTimeout = ours.KeepAliveTimeout;

        // Headers are kept with the event and go into its frame: what is taken here must fit there.
        limits.MaxRequestLineSize = ours.MaxRequestLineBytes;
        limits.MaxRequestHeadersTotalSize = ours.MaxHeaderBytes;
        limits.MaxRequestHeaderCount = ours.MaxHeaders;
        limits.MaxRequestBufferSize = Math.Max(1 << 20, ours.MaxHeaderBytes + ours.MaxRequestLineBytes);
        limits.Http2.MaxRequestHeaderFieldSize = ours.MaxHeaderBytes;

        // An endpoint that reads more says so itself (BoundedBody); one that does not needs none.
        limits.MaxRequestBodySize = 1 << 20;

        // Enough for a sender's bursts; each stream is a request that runs.
        limits.Http2.MaxStreamsPerConnection = 100;
    }
}
