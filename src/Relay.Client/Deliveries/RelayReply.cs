using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Relay.Protocol;

namespace Relay.Client;

/// <summary>
/// What a sender that waits (<see cref="RelayDelivery.ReplyBy"/>) is answered: an HTTP response. Answering acknowledges the event too,
/// whether or not the sender still waits.
/// </summary>
public sealed record RelayReply
{
    /// <summary>Bytes that a body may have: 1 MiB.</summary>
    public const int MaxBodyBytes = ReplyMessage.MaxBodyBytes;

    private const int MaxHeaders = 64;
    private const int MaxHeaderCharacters = 8 << 10;
    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <summary>The HTTP status, 200 to 599.</summary>
    /// <value>200.</value>
    /// <exception cref="ArgumentOutOfRangeException">It is another number.</exception>
    public int Status
    {
        get;
        init => field = value is >= 200 and <= 599
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "The status of a reply is from 200 to 599.");
    } = 200;

    /// <summary>The media type of <see cref="Body"/>.</summary>
    /// <value>None: <c>application/octet-stream</c>, if there is a body.</value>
    public string? ContentType { get; init => field = value is null ? null : Checked("Content-Type", value); }

    /// <summary>
    /// Up to 64 further headers of printable ASCII, each up to 8 KiB: those that describe the content, <c>Location</c>, <c>Retry-After</c>
    /// and the agent's own (<c>X-…</c>). The relay leaves out others, such as <c>Set-Cookie</c>, because they would concern its own origin.
    /// </summary>
    /// <value>None.</value>
    /// <exception cref="ArgumentException">They cannot be sent; the message names the header, not its value.</exception>
    public IReadOnlyDictionary<string, string> Headers { get; init => field = Checked(value); } = new Dictionary<string, string>();

    /// <summary>The body, byte for byte; not to be changed after it was given here.</summary>
    /// <value>Empty.</value>
    /// <exception cref="ArgumentException">It is larger than <see cref="MaxBodyBytes"/>.</exception>
    public ReadOnlyMemory<byte> Body
    {
        get;
        init => field = value.Length <= MaxBodyBytes
            ? value
            : throw new ArgumentException($"The body of a reply has at most {MaxBodyBytes} bytes; this one has {value.Length}. Answer with a link to it.", nameof(value));
    }

    /// <summary>A reply of text, sent as UTF-8.</summary>
    /// <exception cref="ArgumentException">It is larger than <see cref="MaxBodyBytes"/>.</exception>
    public static RelayReply Text(string text, string contentType = "text/plain; charset=utf-8") =>
        new() { Body = Encoding.UTF8.GetBytes(text), ContentType = contentType };

    /// <summary>A reply of JSON, without reflection.</summary>
    /// <exception cref="ArgumentException">It is larger than <see cref="MaxBodyBytes"/>.</exception>
    public static RelayReply Json<T>(T value, JsonTypeInfo<T> type) =>
        new() { Body = JsonSerializer.SerializeToUtf8Bytes(value, type), ContentType = "application/json" };

    /// <summary>The status and the size, without the content.</summary>
    public override string ToString() => $"{Status}, {Body.Length} bytes";

    /// <summary>
    /// The body goes as base64, always: as JSON text, escapes could make it six times as long, and a frame that is too large ends the
    /// connection.
    /// </summary>
    internal ReplyMessage ToMessage(string id)
    {
        var headers = new Dictionary<string, string>(Headers, StringComparer.OrdinalIgnoreCase);
        if (ContentType is not null)
        {
            headers["content-type"] = ContentType;
        }

        return new ReplyMessage { Id = id, Status = Status, Headers = headers.Count > 0 ? headers : null, BodyBase64 = Body.IsEmpty ? null : Body.ToArray() };
    }

    private static Dictionary<string, string> Checked(IReadOnlyDictionary<string, string> headers)
    {
        ArgumentNullException.ThrowIfNull(headers);
        if (headers.Count > MaxHeaders)
        {
            throw new ArgumentException($"A reply has at most {MaxHeaders} headers; this one has {headers.Count}.", nameof(headers));
        }

        var copy = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in headers)
        {
            copy[name] = Checked(name, value);
        }

        return copy;
    }

    private static string Checked(string name, string value) =>
        name.Length == 0 || name.AsSpan().ContainsAnyExcept(NameCharacters) ? throw new ArgumentException("A header of the reply has a name that HTTP does not allow.", nameof(name))
        : value is null || value.Length > MaxHeaderCharacters || value.AsSpan().ContainsAnyExceptInRange(' ', '~')
            ? throw new ArgumentException($"The header {name} of the reply is not printable ASCII of at most {MaxHeaderCharacters} characters.", nameof(value))
        : value;
}
