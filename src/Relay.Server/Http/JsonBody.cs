using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Relay.Server.Http;

/// <summary>Reads a request's JSON, sized before it is read, with an error that names the field.</summary>
internal static class JsonBody
{
    /// <returns>The value, null for an empty body; or the fault.</returns>
    public static async Task<(T? Value, ErrorResult? Fault)> ReadAsync<T>(HttpRequest request, JsonTypeInfo<T> type, int maxBytes, CancellationToken cancellationToken)
        where T : class
    {
        var (body, tooLarge) = await BoundedBody.ReadAsync(request, maxBytes, cancellationToken);
        if (tooLarge)
        {
            return (null, new ErrorResult(StatusCodes.Status413PayloadTooLarge, Protocol.ErrorCodes.BodyTooLarge, $"The body may have at most {maxBytes} bytes."));
        }

        if (body.Length == 0)
        {
            return (null, null);
        }

        if (!JsonText.IsSound(body))
        {
            return (null, Failures.Invalid($"The body is not a valid JSON object in UTF-8, at most {JsonText.MaxDepth} levels deep."));
        }

        try
        {
            return JsonSerializer.Deserialize(body, type) is { } value
                ? (value, null)
                : (null, Failures.Invalid("The body must be a JSON object."));
        }
        catch (JsonException exception)
        {
            return (null, Failures.Invalid(exception.Path is { Length: > 1 } path
                ? $"The field {path} has the wrong type or form."
                : "The body is not a valid JSON object."));
        }
    }
}
