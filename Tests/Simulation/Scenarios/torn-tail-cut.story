0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 5
2.000 client0 at node1
2.100 client0 write r0 before
      committed to 6
      client0 writes r0: done
3.000 ambush node2 entries effects all torn for 500ms
3.000 client0 write r0 A
      node2 is down
      committed to 7
      client0 writes r0: done
      node2 starts, boot 2
      committed to 8
5.000 client0 write r0 B
      committed to 9
      client0 writes r0: done
6.000 crash node2 power for 500ms
      node2 is down
      node2 starts, boot 3
      committed to 10
8.000 client1 at node2
8.000 client1 read r0
      client1 reads r0: B
       the faults stop for node1 node2 node3
       committed to 14
       held
