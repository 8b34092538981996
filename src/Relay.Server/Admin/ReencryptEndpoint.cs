using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Audit;
using Relay.Server.Http;

namespace Relay.Server.Admin;

/// <summary><c>POST /api/v1/admin/reencrypt</c>, after <c>Relay:Encryption:Keys:0</c> has become another.</summary>
internal static class ReencryptEndpoint
{
    private const int UsualLimit = 1000;
    private const int MostLimit = 10_000;

    public static void MapReencryption(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/api/v1/admin/reencrypt", RunAsync)
            .WithTags("Administration")
            .NeedsRole(AdminRole.Admin)
            .Audited(AuditActs.Reencrypt)
            .AddEndpointFilter<AdminFilter>()
            .WithSummary("Encrypts agents' secrets with the first configured key, part after part: ?limit=&cursor=.")
            .Produces<ReencryptResponse>()
            .Produces<ErrorResponse>(StatusCodes.Status400BadRequest)
            .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
            .Produces<ErrorResponse>(StatusCodes.Status403Forbidden);

    private static async Task<IResult> RunAsync(HttpContext context, Reencryption reencryption, CancellationToken cancellationToken)
    {
        var (limit, limitFault) = QueryValues.ReadLimit(context.Request, UsualLimit, MostLimit);
        var (cursor, cursorFault) = QueryValues.ReadOne(context.Request, "cursor");
        RelayId? after = null;
        if (cursor is { Length: > 0 })
        {
            cursorFault = RelayId.TryParse(cursor, out var id) ? null : Failures.Invalid("cursor is the next_cursor of the part before, as it came.");
            after = id;
        }

        if ((limitFault ?? cursorFault) is { } fault)
        {
            return fault;
        }

        var response = await reencryption.RunAsync(after, limit, cancellationToken);
        AuditNote.Of(context).Detail = $"{response.Reencrypted} of {response.Examined}, {response.Failed} failed";
        return TypedResults.Json(response, AdminJson.Default.ReencryptResponse);
    }
}
