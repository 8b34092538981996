using System.Globalization;
using Relay.Protocol;
using Relay.Server.Admin;
using Relay.Server.Agents;
using Relay.Server.Http;

namespace Relay.Server.Audit;

/// <summary><c>GET /api/v1/admin/audit</c>: who did what.</summary>
internal static class AuditEndpoint
{
    private const int UsualLimit = 50;
    private const int MostLimit = 500;

    public static IServiceCollection AddAudit(this IServiceCollection services) => services.AddSingleton<AuditTrail>();

    public static void MapAudit(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/api/v1/admin/audit", ReadAsync)
            .WithTags("Administration")
            .NeedsRole(AdminRole.Admin)
            .AddEndpointFilter<AdminFilter>()
            .WithSummary("Administrative acts and refused attempts, newest first: ?limit=&cursor=.")
            .Produces<AuditList>()
            .Produces<ErrorResponse>(StatusCodes.Status400BadRequest)
            .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
            .Produces<ErrorResponse>(StatusCodes.Status403Forbidden);

    private static async Task<IResult> ReadAsync(HttpContext context, IAuditLog log)
    {
        var (limit, limitFault) = QueryValues.ReadLimit(context.Request, UsualLimit, MostLimit);
        var (before, cursorFault) = QueryValues.ReadPlace(context.Request);
        if ((limitFault ?? cursorFault) is { } fault)
        {
            return fault;
        }

        var page = await log.ReadAsync(before, limit);
        return TypedResults.Json(new AuditList(page.Entries, page.Next?.ToString(CultureInfo.InvariantCulture)), AuditJson.Default.AuditList);
    }
}
