using Microsoft.AspNetCore.WebUtilities;

namespace Relay.Server.Ingest.Sources;

/// <summary>What a provider may have signed of a request.</summary>
/// <param name="headers">As they came.</param>
/// <param name="url">The address that the provider was given, with the path and query as they came.</param>
/// <param name="body">The exact bytes.</param>
/// <param name="now">Against which timestamps are held.</param>
internal readonly ref struct SourceRequest(IHeaderDictionary headers, string url, ReadOnlySpan<byte> body, DateTimeOffset now)
{
    public string Url { get; } = url;

    public ReadOnlySpan<byte> Body { get; } = body;

    public DateTimeOffset Now { get; } = now;

    /// <summary>Whether it only asks; else it is a webhook.</summary>
    public bool IsGet { get; init; }

    /// <summary>The header's one value; null when it is missing, empty or there twice, which no provider does.</summary>
    public string? Header(string name) => headers.TryGetValue(name, out var values) && values is [{ Length: > 0 } value] ? value : null;

    /// <summary>The first value of that name in the query, decoded; null when there is none.</summary>
    public string? Query(string name)
    {
        var question = Url.IndexOf('?', StringComparison.Ordinal);
        foreach (var pair in new QueryStringEnumerable(question < 0 ? "" : Url[question..]))
        {
            if (pair.DecodeName().Span.SequenceEqual(name))
            {
                return pair.DecodeValue().ToString();
            }
        }

        return null;
    }
}
