"""The addresses of the shop."""

from django.urls import path

from django_shop import views

urlpatterns = [
    path("orders", views.order),
    path("orders/<str:number>", views.show),
    path("orders/<str:number>/refund", views.refund),
    path("notify", views.notify),
]
