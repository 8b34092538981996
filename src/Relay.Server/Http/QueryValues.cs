using System.Globalization;

namespace Relay.Server.Http;

/// <summary>Reads the query of a list. A fault says what is allowed.</summary>
internal static class QueryValues
{
    /// <summary>A whole number from 1 to <paramref name="most"/>; <paramref name="usual"/> when none is given.</summary>
    public static (int Limit, ErrorResult? Fault) ReadLimit(HttpRequest request, int usual, int most)
    {
        var text = request.Query["limit"];
        return text.Count == 0 ? (usual, null)
            : text.Count == 1 && int.TryParse(text[0], NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit >= 1 && limit <= most ? (limit, null)
            : (usual, Failures.Invalid($"limit is a whole number from 1 to {most}."));
    }

    /// <summary>The value of a parameter that may be given once; null when it is not given.</summary>
    public static (string? Value, ErrorResult? Fault) ReadOne(HttpRequest request, string name) => request.Query[name] switch
    {
        [] => (null, null),
        [var value] => (value, null),
        _ => (null, Failures.Invalid($"{name} may be given once.")),
    };

    /// <summary>The <c>cursor</c> of a list whose pages begin at numbers; null: the first page.</summary>
    public static (long? Before, ErrorResult? Fault) ReadPlace(HttpRequest request)
    {
        var (cursor, fault) = ReadOne(request, "cursor");
        return string.IsNullOrEmpty(cursor) ? (null, fault)
            : long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var before) ? (before, null)
            : (null, Failures.Invalid("cursor is the next_cursor of the page before, as it came."));
    }
}
