using System.Text.Encodings.Web;
using System.Text.Json;
using Relay.Protocol;

namespace Relay.Server.Http;

/// <summary>A JSON writer and the buffer it writes to, with one owner, who disposes it: a thread's next owner uses them again. Not thread-safe.</summary>
internal sealed class JsonBuffer : IDisposable
{
    private const int UsualBytes = 4 << 10;

    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    [ThreadStatic]
    private static JsonBuffer? _free;

    private readonly PooledBufferWriter _buffer = new(UsualBytes);

    private JsonBuffer() => Json = new Utf8JsonWriter(_buffer, Options);

    public Utf8JsonWriter Json { get; }

    /// <summary>What was written, valid until <see cref="Dispose"/>.</summary>
    public ReadOnlyMemory<byte> Written
    {
        get
        {
            Json.Flush();
            return _buffer.WrittenMemory;
        }
    }

    public static JsonBuffer Rent()
    {
        var free = _free ?? new JsonBuffer();
        _free = null;
        return free;
    }

    public void Dispose()
    {
        if (_free is not null || _buffer.WrittenSpan.Length > UsualBytes)
        {
            Json.Dispose();
            _buffer.Dispose();
            return;
        }

        _buffer.Clear();
        Json.Reset();
        _free = this;
    }
}
